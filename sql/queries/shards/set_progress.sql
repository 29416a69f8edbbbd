-- How far a RIS host is known. Parameters: collector, holder, closed_until, last_message, has_left.
insert into bgptui.shard_progress as p (collector, holder, closed_until, last_message, has_left)
values (%(collector)s, %(holder)s, %(closed_until)s, %(last_message)s, %(has_left)s)
on conflict (collector) do update set
  holder = excluded.holder,
  closed_until = coalesce(greatest(excluded.closed_until, p.closed_until), p.closed_until),
  last_message = coalesce(greatest(excluded.last_message, p.last_message), p.last_message),
  has_left = excluded.has_left,
  updated_at = clock_timestamp()
