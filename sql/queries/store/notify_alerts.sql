-- Tells listening consoles that alerts have changed. Parameters: payload (JSON text).
select pg_notify('bgptui_alerts', %(payload)s)
