-- Removes what something was made of. Parameters: ids.
delete from bgptui.shard_moments where moment_id = any(%(ids)s::bigint[])
