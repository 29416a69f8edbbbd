-- Who holds a lease at this moment. Columns: scope, holder.
select scope, holder from public.collector_leases
where holder <> '' and expires_at > clock_timestamp()
order by scope
