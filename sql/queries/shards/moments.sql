-- What was handed and not read yet, in the order of each process.
-- Parameters: known (ids that were read and are not consumed), most.
-- Columns: moment_id, holder, payload.
select moment_id, holder, payload from bgptui.shard_moments
where moment_id <> all(%(known)s::bigint[])
order by moment_id
limit %(most)s
