-- The hosts of which a process has written its last row. Parameters: holder. Columns: collector.
select collector from bgptui.shard_progress where holder = %(holder)s and has_left
