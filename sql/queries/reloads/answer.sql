-- Answers requests, those of them that are still there.
-- Parameters: request_ids, holder, is_done, said, ended, otherwise.
insert into bgptui.watch_reload_answers (request_id, holder, is_done, said, ended, otherwise)
select request_id, %(holder)s, %(is_done)s, %(said)s, %(ended)s, %(otherwise)s
from bgptui.watch_reloads where request_id = any(%(request_ids)s)
on conflict do nothing
