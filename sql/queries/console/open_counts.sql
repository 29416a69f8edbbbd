-- Open alerts, those nobody has acknowledged, by severity.
-- Columns: severity, alerts.
select severity, count(*) as alerts
from public.alerts
where status = 'open'
group by severity
