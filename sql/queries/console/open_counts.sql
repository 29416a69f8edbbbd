-- Open alerts, those nobody has acknowledged, by severity.
-- Columns: severity, alerts.
select severity, count(*) as alerts
from bgptui.alert_list
where status = 'open'
group by severity
