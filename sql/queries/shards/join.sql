-- Makes this process one of those that share the collectors.
-- Parameters: holder, ttl_s. Result: number.
insert into bgptui.shards (holder, expires_at)
values (%(holder)s, clock_timestamp() + make_interval(secs => %(ttl_s)s))
returning number
