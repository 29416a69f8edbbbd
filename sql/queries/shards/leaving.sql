-- A process has handed over its last rows. Parameters: holder.
update bgptui.shards set is_leaving = true where holder = %(holder)s
