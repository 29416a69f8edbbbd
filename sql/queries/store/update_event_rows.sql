-- Rows of route_monitor_events as they stand now; the same once more changes nothing.
-- Parameters: rows, a JSON array of objects with the columns below (metadata is merged into what
-- is there); first, last: the bounds of their timestamps, so that no other days are looked at.
update public.route_monitor_events e
set severity = stands.severity, last_seen = stands.last_seen, peers_seen = stands.peers_seen,
    sightings = stands.sightings, ended_at = stands.ended_at, end_reason = stands.end_reason,
    metadata = e.metadata || stands.metadata
from jsonb_to_recordset(%(rows)s::jsonb)
  as stands (id bigint, "timestamp" timestamptz, severity text, last_seen timestamptz,
             peers_seen integer, sightings bigint, ended_at timestamptz, end_reason text,
             metadata jsonb)
where e.id = stands.id and e."timestamp" = stands."timestamp"
  and e."timestamp" between %(first)s and %(last)s
