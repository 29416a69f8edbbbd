-- Alerts of some statuses and severities, latest opening first.
-- Parameters: statuses, severities (text[]; null: every one), since, until (timestamptz, half open;
-- null: no bound), row_limit (null: all). Columns: as in load_alert.
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
from public.alerts a
where (%(statuses)s::text[] is null or a.status = any(%(statuses)s))
  and (%(severities)s::text[] is null or a.severity = any(%(severities)s))
  and (%(since)s::timestamptz is null or a."timestamp" >= %(since)s)
  and (%(until)s::timestamptz is null or a."timestamp" < %(until)s)
order by a."timestamp" desc, a.alert_id desc
limit %(row_limit)s
