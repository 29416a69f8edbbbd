-- The answers so far. Parameters: request_id. Columns: holder, is_done, said, ended, otherwise.
select holder, is_done, said, ended, otherwise
from bgptui.watch_reload_answers where request_id = %(request_id)s
