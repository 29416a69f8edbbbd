-- Rows of route_monitor_events that are followed, oldest first. A row is followed for a day; those
-- that one run began are within a day of its newest, which a broken clock may have put in the
-- future.
-- Columns: id, timestamp, event_type, prefix, origin_asn, reason, severity, last_seen, peers_seen,
-- sightings, have and had (peers, as in metadata), paths; times as seconds since 1970 UTC.
select id, extract(epoch from "timestamp")::float8 as "timestamp", event_type,
       prefix::text as prefix, origin_asn, reason, severity,
       extract(epoch from last_seen)::float8 as last_seen, peers_seen, sightings,
       metadata #> '{peers,have}' as have, metadata #> '{peers,had}' as had,
       metadata -> 'paths' as paths
from public.route_monitor_events
where "timestamp" >= (select least(max("timestamp"), now()) from public.route_monitor_events)
                     - interval '2 days'
  and ended_at is null and reason is not null
order by "timestamp", id
