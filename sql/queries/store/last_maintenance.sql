-- The last run of bgptui.maintain. Columns: ran_at (seconds since 1970 UTC), dropped_chunks,
-- dropped_bytes, deleted_alerts.
select extract(epoch from ran_at)::float8 as ran_at, dropped_chunks, dropped_bytes, deleted_alerts
from bgptui.maintenance_runs
order by run_id desc
limit 1
