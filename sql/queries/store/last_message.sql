-- Event time of the last message that is known to have been received: of the health row, or of a
-- stored message where the collector stopped before it wrote one.
-- Parameters: since (timestamptz, start of the newest window). Columns: timestamp (seconds since
-- 1970 UTC; null where there was none).
select greatest(
  (select (document -> 'feed' ->> 'last_message')::float8
   from public.collector_health order by updated_at desc limit 1),
  (select extract(epoch from max("timestamp"))::float8
   from public.raw_bgp_data where "timestamp" >= %(since)s))
