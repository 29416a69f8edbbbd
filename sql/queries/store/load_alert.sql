-- One alert. Parameters: alert_id. Columns: those that bgptui.store.alerts makes an Alert of.
select a.alert_id, a.alert_uuid, a.key, a.alert_type, a.severity, a.confidence, a.title, a.description,
       extract(epoch from a.first_seen)::float8 as first_seen,
       extract(epoch from a.last_seen)::float8 as last_seen,
       a.status, a.class as hijack_class, a.prefix::text as prefix,
       a.watched_prefix::text as watched_prefix, a.origin_asn, a.expected_origins,
       a.affected_prefixes::text[] as affected_prefixes, host(a.peer_addr) as peer_addr, a.peer_asn,
       a.collector, a.peers_seen, a.peers_total, a.anomaly_types, a.ensemble_score,
       a.heuristic_score, a.rpki_score, a.final_score, a.rpki_status, a.ml_result_id,
       extract(epoch from a.ml_result_timestamp)::float8 as ml_result_timestamp,
       a.route_monitor_event_id,
       extract(epoch from a.route_monitor_event_timestamp)::float8 as route_monitor_event_timestamp,
       extract(epoch from a.resolved_at)::float8 as resolved_at, a.resolution_notes as resolution,
       coalesce(a.raw_data -> 'evidence', '[]') as evidence
from public.alert_ids i
join public.alerts a on a.alert_id = i.alert_id and a."timestamp" = i."timestamp"
where i.alert_id = %(alert_id)s
