-- One alert in full.
--   alert_id
-- Columns: those of store.readers.AlertRow and of AlertDetail; no row for an unknown id.
select a.alert_id, a.version, a.alert_type, a.severity, a.status, a.title, a.confidence,
       extract(epoch from a.first_seen)::float8 as first_seen,
       extract(epoch from a.last_seen)::float8 as last_seen,
       extract(epoch from a.updated_at)::float8 as updated_at,
       a.class as hijack_class, a.prefix::text as prefix, a.watched_prefix::text as watched_prefix,
       a.origin_asn, host(a.peer_addr) as peer_addr, a.peer_asn, a.peers_seen, a.peers_total,
       a.rpki_status, a.acknowledged_by,
       a.alert_uuid::text as alert_uuid, a.description, a.expected_origins,
       a.affected_prefixes::text[] as affected_prefixes, a.anomaly_types,
       a.ensemble_score, a.heuristic_score, a.rpki_score, a.final_score,
       extract(epoch from a.resolved_at)::float8 as resolved_at, a.resolution_notes,
       a.itsm_ticket_id as ticket_id,
       coalesce(a.raw_data -> 'evidence', '[]') as evidence
from public.alert_ids i
join public.alerts a on a.alert_id = i.alert_id and a."timestamp" = i."timestamp"
where i.alert_id = %(alert_id)s
