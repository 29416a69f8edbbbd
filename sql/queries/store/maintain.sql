-- Drops what has expired. Parameters: now (timestamptz), raw_max_gib (null: no bound).
-- Columns: action, object, size_bytes.
select action, object, size_bytes from bgptui.maintain(%(now)s, %(raw_max_gib)s)
