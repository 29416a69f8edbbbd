-- A process is about to leave. Parameters: holder.
update bgptui.shards set is_leaving = true where holder = %(holder)s
