-- What the pipeline knows of an alert by now. The status, and what people wrote, is not touched.
-- Parameters: those of bgptui.store.alert_writer.alert_parameters.
update public.alerts a set
  alert_type = %(alert_type)s,
  class = %(class)s,
  severity = %(severity)s,
  confidence = %(confidence)s,
  collector = %(collector)s,
  peer_addr = %(peer_addr)s::inet,
  peer_asn = %(peer_asn)s,
  prefix = %(prefix)s::cidr,
  watched_prefix = %(watched_prefix)s::cidr,
  affected_prefixes = %(affected_prefixes)s::cidr[],
  origin_asn = %(origin_asn)s,
  expected_origins = %(expected_origins)s::bigint[],
  title = %(title)s,
  description = %(description)s,
  anomaly_types = %(anomaly_types)s::text[],
  last_seen = %(last_seen)s,
  peers_seen = %(peers_seen)s,
  peers_total = %(peers_total)s,
  rpki_status = %(rpki_status)s,
  ml_result_id = %(ml_result_id)s,
  ml_result_timestamp = %(ml_result_timestamp)s,
  route_monitor_event_id = %(route_monitor_event_id)s,
  route_monitor_event_timestamp = %(route_monitor_event_timestamp)s,
  ensemble_score = %(ensemble_score)s,
  heuristic_score = %(heuristic_score)s,
  rpki_score = %(rpki_score)s,
  final_score = %(final_score)s,
  raw_data = %(raw_data)s::jsonb,
  updated_at = clock_timestamp()
from public.alert_ids i
where i.alert_id = %(alert_id)s and a.alert_id = i.alert_id and a."timestamp" = i."timestamp"
