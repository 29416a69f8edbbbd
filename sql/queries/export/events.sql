-- What the route monitor found, by its first sighting, oldest first.
-- Parameters: since, until (timestamptz, half open; null: no bound). Columns: as in
-- route_monitor_events, times as seconds since 1970 UTC, without the id.
select extract(epoch from "timestamp")::float8 as "timestamp",
       collector, host(peer_addr) as peer_addr, peer_asn, prefix::text as prefix, origin_asn,
       rpki_status, roa_prefix::text as roa_prefix, roa_max_length, event_type, class, severity,
       description, as_path, host(next_hop) as next_hop, metadata, reason,
       extract(epoch from last_seen)::float8 as last_seen, peers_seen, sightings,
       extract(epoch from ended_at)::float8 as ended_at, end_reason
from public.route_monitor_events
where (%(since)s::timestamptz is null or "timestamp" >= %(since)s)
  and (%(until)s::timestamptz is null or "timestamp" < %(until)s)
order by "timestamp", id
