-- Start of the newest window that was committed, in seconds since 1970 UTC; null without any.
select extract(epoch from max("timestamp"))::float8 from public.features
