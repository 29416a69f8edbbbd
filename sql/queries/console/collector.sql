-- The health row that was written last, and its age by the database's clock.
-- Columns: holder, age_s, document (JSON text of domain.health.Health).
select holder, extract(epoch from clock_timestamp() - updated_at)::float8 as age_s,
       document::text as document
from public.collector_health
order by updated_at desc
limit 1
