-- What the route monitor found, oldest first.
-- Parameters: since, until (timestamptz, half open; null: no bound). Columns: as in
-- route_monitor_events, timestamp as seconds since 1970 UTC, without the id.
select extract(epoch from "timestamp")::float8 as "timestamp",
       collector, host(peer_addr) as peer_addr, peer_asn, prefix::text as prefix, origin_asn,
       rpki_status, roa_prefix::text as roa_prefix, roa_max_length, event_type, class, severity,
       description, as_path, host(next_hop) as next_hop, metadata
from public.route_monitor_events
where (%(since)s::timestamptz is null or "timestamp" >= %(since)s)
  and (%(until)s::timestamptz is null or "timestamp" < %(until)s)
order by "timestamp", id
