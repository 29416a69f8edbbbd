-- The alert list: active alerts, worst and latest first, then those closed last.
--   active_limit, closed_limit: most rows of each.
-- Columns: those of store.readers.AlertRow; times are seconds since 1970 UTC.
with chosen as (
  (select * from bgptui.alert_list
   where status in ('open', 'acknowledged')
   order by array_position(array['critical', 'high', 'medium', 'low'], severity), last_seen desc
   limit %(active_limit)s)
  union all
  (select * from bgptui.alert_list
   where status in ('resolved', 'false_positive')
   order by updated_at desc
   limit %(closed_limit)s)
)
select alert_id, version, alert_type, severity, status, title, confidence,
       extract(epoch from first_seen)::float8 as first_seen,
       extract(epoch from last_seen)::float8 as last_seen,
       extract(epoch from updated_at)::float8 as updated_at,
       class as hijack_class, prefix::text as prefix, watched_prefix::text as watched_prefix,
       origin_asn, host(peer_addr) as peer_addr, peer_asn, peers_seen, peers_total,
       rpki_status, acknowledged_by
from chosen
