-- Recent requests that a process has not answered; who asked earlier has given up waiting.
-- Parameters: holder, within_s. Columns: request_id.
select r.request_id from bgptui.watch_reloads r
where r.requested_at > clock_timestamp() - make_interval(secs => %(within_s)s)
  and not exists (select from bgptui.watch_reload_answers a
                  where a.request_id = r.request_id and a.holder = %(holder)s)
order by r.request_id
