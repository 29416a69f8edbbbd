-- Rows of route_monitor_events as they stand now; the same once more changes nothing.
-- Parameters: arrays of equal length: ids, timestamps, severities, last_seen, peers_seen,
-- sightings, ended_at, end_reasons, metadata (JSON objects, merged into what is there);
-- first, last: the bounds of timestamps, so that no other days are looked at.
update public.route_monitor_events e
set severity = stands.severity, last_seen = stands.last_seen, peers_seen = stands.peers_seen,
    sightings = stands.sightings, ended_at = stands.ended_at, end_reason = stands.end_reason,
    metadata = e.metadata || stands.metadata::jsonb
from unnest(%(ids)s::bigint[], %(timestamps)s::timestamptz[], %(severities)s::text[],
            %(last_seen)s::timestamptz[], %(peers_seen)s::integer[], %(sightings)s::bigint[],
            %(ended_at)s::timestamptz[], %(end_reasons)s::text[], %(metadata)s::text[])
  as stands (id, "timestamp", severity, last_seen, peers_seen, sightings, ended_at, end_reason,
             metadata)
where e.id = stands.id and e."timestamp" = stands."timestamp"
  and e."timestamp" between %(first)s and %(last)s
