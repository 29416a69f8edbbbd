-- A collector that brings less than a tenth of its usual rate is a gap, too.

comment on column public.feed_gaps.reason is
  'connect_failed, closed, silence, slow_consumer, low_rate or restart.';
comment on column public.feed_gaps.gap_start is
  'Event time of the last message before it; where quiet is no fault, when the connection was last known to live.';
