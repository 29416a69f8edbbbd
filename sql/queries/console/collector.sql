-- The health row that was written last, or those of all processes that share the collectors; and
-- their ages by the database's clock.
-- Columns: holder, age_s, document (JSON text of domain.health.Health), hosts (null for the one
-- that has all of them), correlates.
with sharing as (
  select s.holder, s.number,
         array(select l.scope from public.collector_leases l
               where l.holder = s.holder and l.scope not in ('collector', 'correlate')
               order by l.scope) as hosts,
         exists (select from public.collector_leases l
                 where l.holder = s.holder and l.scope = 'correlate') as correlates
  from bgptui.shards s
), latest as (
  select holder, null::bigint as number, null::text[] as hosts, true as correlates
  from public.collector_health
  where not exists (select from sharing)
  order by updated_at desc
  limit 1
)
select holder, extract(epoch from clock_timestamp() - h.updated_at)::float8 as age_s,
       h.document::text as document, hosts, correlates
from (select holder, number, hosts, correlates from sharing
      union all select holder, number, hosts, correlates from latest) as chosen
join public.collector_health h using (holder)
order by number
