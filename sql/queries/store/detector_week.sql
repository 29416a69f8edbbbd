-- A week's report of one model, if there is one.
-- Parameters: week (timestamptz, its start), model_version.
-- Columns: those of domain.detector_week.DetectorWeek; start in seconds since 1970 UTC.
select extract(epoch from week)::float8 as start, model_version, scored_minutes,
       network_minutes, median_ensemble, ml_alerts, false_positives
from public.detector_weeks
where week = %(week)s and model_version = %(model_version)s
