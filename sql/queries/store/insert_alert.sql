-- A new alert, open. Parameters: those of bgptui.store.alert_writer.alert_parameters.
insert into public.alerts (
  alert_id, "timestamp", alert_uuid, key, alert_type, class, severity, confidence, collector,
  peer_addr, peer_asn, prefix, watched_prefix, affected_prefixes, origin_asn, expected_origins,
  title, description, anomaly_types, first_seen, last_seen, peers_seen, peers_total, rpki_status,
  ml_result_id, ml_result_timestamp, route_monitor_event_id, route_monitor_event_timestamp,
  ensemble_score, heuristic_score, rpki_score, final_score, raw_data)
values (
  %(alert_id)s, %(first_seen)s, %(alert_uuid)s, %(key)s, %(alert_type)s, %(class)s, %(severity)s,
  %(confidence)s, %(collector)s, %(peer_addr)s::inet, %(peer_asn)s, %(prefix)s::cidr,
  %(watched_prefix)s::cidr, %(affected_prefixes)s::cidr[], %(origin_asn)s,
  %(expected_origins)s::bigint[], %(title)s, %(description)s, %(anomaly_types)s::text[],
  %(first_seen)s, %(last_seen)s, %(peers_seen)s, %(peers_total)s, %(rpki_status)s,
  %(ml_result_id)s, %(ml_result_timestamp)s, %(route_monitor_event_id)s,
  %(route_monitor_event_timestamp)s, %(ensemble_score)s, %(heuristic_score)s, %(rpki_score)s,
  %(final_score)s, %(raw_data)s::jsonb)
