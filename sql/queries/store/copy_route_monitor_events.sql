-- Rows of bgptui.store.rows.event_row.
copy public.route_monitor_events (
  id, "timestamp", collector, peer_addr, peer_asn, prefix, origin_asn, rpki_status, roa_prefix,
  roa_max_length, event_type, class, severity, description, as_path, next_hop, metadata,
  reason, last_seen, peers_seen, sightings, ended_at, end_reason
) from stdin (format binary)
