-- Rows of bgptui.store.rows.metric_row. The id comes from the sequence.
copy public.system_metrics ("timestamp", component, metric_name, metric_value, unit)
from stdin (format binary)
