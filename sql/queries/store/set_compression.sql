-- The age at which chunks are compressed, where the engine does. Parameters: days.
select bgptui.set_compression(make_interval(days => %(days)s))
