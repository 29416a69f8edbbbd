-- Hands something to the process that correlates. Parameters: holder, payload.
insert into bgptui.shard_moments (holder, payload) values (%(holder)s, %(payload)s)
