-- What the engine does by itself. Columns: those of bgptui.store.status.Policy; every_s in seconds,
-- times in seconds since 1970 UTC.
select policy, relation, rule,
       extract(epoch from every)::float8 as every_s,
       extract(epoch from last_run)::float8 as last_run,
       last_status,
       extract(epoch from next_run)::float8 as next_run
from bgptui.policies()
