-- Asks for the watchlist to be read again, and forgets requests of days before.
-- Parameters: operator. Columns: request_id.
with old as (
  delete from bgptui.watch_reloads where requested_at < clock_timestamp() - interval '1 day'
)
insert into bgptui.watch_reloads (operator) values (%(operator)s) returning request_id
