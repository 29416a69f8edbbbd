-- Leases that somebody has, expired ones included.
-- Columns: scope, holder, epoch, remaining_s (0 when another may take it), held_s.
select scope, holder, epoch,
       greatest(0, extract(epoch from expires_at - clock_timestamp()))::float8 as remaining_s,
       extract(epoch from clock_timestamp() - acquired_at)::float8 as held_s
from public.collector_leases
where holder <> ''
order by scope
