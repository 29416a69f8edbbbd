-- Takes a process off the list, and with it what only its own restart could have used.
-- Parameters: holders (the process, and the name under which it wrote what it correlated).
with gone as (delete from bgptui.shards where holder = any(%(holders)s))
delete from bgptui.positions where holder = any(%(holders)s)
