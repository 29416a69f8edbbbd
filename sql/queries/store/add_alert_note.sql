-- A note without a change of status. Parameters: alert_id, operator, note. Result: event_id.
select bgptui.add_alert_note(%(alert_id)s, %(operator)s, %(note)s)
