-- Makes this process one of those that share the collectors.
-- Parameters: holder, hosts, ttl_s. Result: number.
insert into bgptui.shards (holder, hosts, expires_at)
values (%(holder)s, %(hosts)s, clock_timestamp() + make_interval(secs => %(ttl_s)s))
returning number
