-- How long a table's rows are kept. Parameters: tbl, days.
select bgptui.set_retention(%(tbl)s::regclass, make_interval(days => %(days)s))
