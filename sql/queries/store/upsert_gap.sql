-- Opens a gap, or closes the one that began then. A gap once closed does not open again.
-- Parameters: collector, gap_start, gap_end (null while it lasts), reason, attempts.
insert into public.feed_gaps as g (collector, gap_start, gap_end, reason, attempts)
values (%(collector)s, %(gap_start)s, %(gap_end)s, %(reason)s, %(attempts)s)
on conflict (collector, gap_start) do update set
  gap_end = coalesce(excluded.gap_end, g.gap_end),
  reason = excluded.reason,
  attempts = greatest(excluded.attempts, g.attempts)
