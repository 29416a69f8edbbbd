-- Event time of the first stored message: where no window was ever closed, nothing is known from
-- there on. Columns: timestamp (seconds since 1970 UTC; null in an empty table).
select extract(epoch from min("timestamp"))::float8 from public.raw_bgp_data
