-- How far a RIS host was known to a collector that had all of them; null where it had not this one.
-- Parameters: collector. Columns: closed_until (seconds since 1970 UTC).
select extract(epoch from max(f."timestamp"))::float8 + 60 as closed_until
from public.features f
where exists (select from public.peers p where p.collector = %(collector)s)
