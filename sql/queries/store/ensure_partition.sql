-- Makes the partition that a row at a time needs, where the engine has partitions.
-- Parameters: tbl, at (timestamptz).
select bgptui.ensure_partitions(%(tbl)s::regclass, %(at)s, %(at)s)
