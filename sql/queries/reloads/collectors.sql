-- The processes that collect now, or stand by to. Columns: holder.
select holder from public.collector_leases where holder <> '' and expires_at > clock_timestamp()
union
select holder from bgptui.shards where not is_leaving and expires_at > clock_timestamp()
order by holder
