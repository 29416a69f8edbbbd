"""A database with a month of made-up rows, for plans and for the alert list's benchmark.

Rows are made by the server: what counts here is their number and how they are spread.
"""

from psycopg import Connection

PEERS = 20
DAYS = 30

_FEATURES = """
insert into public.features
  (id, "timestamp", collector, peer_addr, peer_asn, window_duration, announcements, withdrawals,
   total_updates, withdrawal_ratio, flap_count, path_length, unique_peers, message_rate,
   session_resets, std_path_length, max_updates, messages, prefixes_with_path, late_messages, gap,
   zscores)
select row_number() over (), minute, case when peer > 0 then 'rrc00' end,
       case when peer > 0 then '192.0.2.0'::inet + peer end,
       case when peer > 0 then 64496 + peer end,
       60, 90 + peer, 10, 100 + peer, 0.1, 1, 4.5, 1, 2.5, 0, 1.1, 40, 150, 90, 0, false,
       array[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]::real[]
from generate_series(%(end)s::timestamptz - make_interval(days => %(days)s),
                     %(end)s::timestamptz - interval '1 minute', interval '1 minute') minute,
     generate_series(0, %(peers)s) peer
"""
_ML_RESULTS = """
insert into public.ml_results
  (id, "timestamp", feature_id, feature_timestamp, collector, peer_addr, peer_asn, heuristic_score,
   ensemble_score, ensemble_confidence, ensemble_is_anomaly, learning, baseline_minutes,
   model_version, processing_time_ms)
select id, "timestamp", id, "timestamp", collector, peer_addr, peer_asn, 0.1, 0.1, 0.1, false,
       false, 1440, 'made up', 0.3
from public.features
"""
_EVENTS = """
insert into public.route_monitor_events
  (id, "timestamp", collector, peer_addr, peer_asn, prefix, origin_asn, rpki_status, event_type,
   class, severity, description)
select n, %(end)s::timestamptz - n * make_interval(days => %(days)s) / 30000, 'rrc00',
       '192.0.2.0'::inet + (n %% %(peers)s)::int, 64496 + n %% %(peers)s,
       set_masklen(('203.0.113.0'::inet + (n %% 256)::int)::cidr, 32), 64666,
       (array['invalid', 'valid', 'not_found'])[1 + n %% 3],
       (array['rpki_invalid', 'hijack_suspected', 'path_anomaly', 'new_prefix'])[1 + n %% 4],
       'S|0', 'high', 'made up'
from generate_series(1, 30000) n
"""
_METRICS = """
insert into public.system_metrics ("timestamp", component, metric_name, metric_value, unit)
select minute, 'ingest', 'metric ' || n, 1, '1'
from generate_series(%(end)s::timestamptz - make_interval(days => %(days)s),
                     %(end)s::timestamptz - interval '1 minute', interval '1 minute') minute,
     generate_series(1, 10) n
"""
_RAW = """
insert into public.raw_bgp_data
  ("timestamp", message_type, late, window_start, collector, peer_addr, peer_asn, prefix, announced,
   announcements, withdrawals, total_updates, withdrawal_ratio, flap_count, path_length,
   unique_peers, session_resets, as_path, origin_asn)
select at, 'UPDATE', false, date_trunc('minute', at), 'rrc00',
       '192.0.2.0'::inet + (n %% %(peers)s)::int, 64496 + n %% %(peers)s, prefix, array[prefix],
       1, 0, 1, 0, 0, 3, 1, 0, '64496 64511 64500', 64500
from (select n, %(end)s::timestamptz - n * make_interval(days => %(days)s) / 1000000 as at,
             set_masklen('198.18.0.0'::inet + (n %% 65536) * 2, 31)::cidr as prefix
      from generate_series(1, 1000000) n) messages
"""
_ALERTS = """
insert into public.alerts
  (alert_id, "timestamp", alert_uuid, key, alert_type, class, severity, confidence, peer_addr,
   peer_asn, prefix, watched_prefix, origin_asn, expected_origins, title, description, first_seen,
   last_seen, peers_seen, peers_total, rpki_status, final_score, status, raw_data, updated_at)
select n, at, gen_random_uuid(), 'made up ' || n, 'hijack', 'S|0',
       (array['critical', 'high', 'medium', 'low'])[1 + n %% 4], 0.9,
       '192.0.2.1', 64496, '203.0.113.128/25', '203.0.113.0/24', 64666, array[64500],
       'Route Hijack Suspected', repeat('A made up description of the matter. ', 4), at,
       at + interval '5 minutes', 14, 63, 'invalid', 0.9,
       case when n %% %(one_active_in)s = 0 then 'open'
            when n %% %(one_active_in)s = 1 then 'acknowledged'
            when n %% 10 = 3 then 'false_positive'
            else 'resolved' end,
       jsonb_build_object('evidence', jsonb_build_array(
         jsonb_build_object('kind', 'rule', 'text', repeat('evidence ', 20)))),
       at + interval '10 minutes'
from (select n, %(end)s::timestamptz - n * make_interval(days => %(alert_days)s) / %(alerts)s as at
      from generate_series(1, %(alerts)s) n) opened
"""
_ALERT_IDS = """
insert into public.alert_ids select alert_id, alert_uuid, "timestamp" from public.alerts
"""
_PARTITIONS = """
select bgptui.ensure_partitions(tbl, %(end)s::timestamptz - make_interval(days => case
         when tbl = 'public.alerts'::regclass then %(alert_days)s else %(days)s end), %(end)s)
from bgptui.timeseries
"""
TABLES = {
    "features": _FEATURES,
    "ml_results": _ML_RESULTS,
    "route_monitor_events": _EVENTS,
    "system_metrics": _METRICS,
    "raw_bgp_data": _RAW,
    "alerts": _ALERTS,
}


def fill(
    conn: Connection[tuple[object, ...]],
    *,
    end: str,
    tables: tuple[str, ...] = tuple(TABLES),
    alerts: int = 30_000,
    alert_days: int = DAYS,
    one_active_in: int = 100,
) -> None:
    """Fill an empty database with rows of the `DAYS` before `end`, a time or `now`.

    Args:
        alerts: over `alert_days`; of so many (`one_active_in`) one is open and one acknowledged.
    """
    values = {
        "end": end,
        "days": DAYS,
        "peers": PEERS,
        "alerts": alerts,
        "alert_days": alert_days,
        "one_active_in": one_active_in,
    }
    conn.execute(_PARTITIONS, values)
    for table in tables:
        conn.execute(TABLES[table].encode(), values)
    conn.execute(_ALERT_IDS)
    conn.execute("select bgptui.trim_alert_list()")
    conn.execute("vacuum analyze")
