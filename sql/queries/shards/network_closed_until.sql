-- End of the newest network-wide window, in seconds since 1970 UTC; null without any.
select extract(epoch from max("timestamp"))::float8 + 60 from public.features where peer_addr is null
