-- Puts off the end of a process and of all its leases, by the database's clock.
-- Parameters: holder, ttl_s, scopes, epochs. Result: how many of these leases it still had; null
-- where the process itself was taken for dead.
with alive as (
  update bgptui.shards set expires_at = clock_timestamp() + make_interval(secs => %(ttl_s)s)
  where holder = %(holder)s
  returning holder
), renewed as (
  update public.collector_leases l
  set expires_at = clock_timestamp() + make_interval(secs => %(ttl_s)s)
  from unnest(%(scopes)s::text[], %(epochs)s::bigint[]) as ours (scope, epoch)
  where l.scope = ours.scope and l.epoch = ours.epoch and l.holder = %(holder)s
  returning l.scope
)
select (select count(*) from renewed) from alive
