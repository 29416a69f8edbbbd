-- Views and the score, the same on every engine.

-- Weights of lstm, isolation forest and heuristic. The one definition in SQL; a test holds the
-- detector's constants to it.
create function bgptui.ensemble_weights() returns double precision[] language sql immutable as $$
  select array[0.5, 0.3, 0.2]::double precision[]
$$;

-- The isolation forest's score comes negated (-1 ... 0, lower is worse). The weights of absent
-- (null) parts are shared among those present; all null gives null. Twelve decimals: what is left
-- of binary fractions is not shown.
create function public.calculate_ensemble_score(
  lstm double precision, isolation_forest double precision, heuristic double precision
) returns double precision language sql immutable parallel safe as $$
  select round((sum(w.weight * p.score) / sum(w.weight))::numeric, 12)::double precision
  from unnest(array[lstm, -isolation_forest, heuristic]) with ordinality as p (score, part)
  join unnest(bgptui.ensemble_weights()) with ordinality as w (weight, part) using (part)
  where p.score is not null
$$;
comment on function public.calculate_ensemble_score is
  '0 ... 1: 0.5 lstm - 0.3 isolation_forest + 0.2 heuristic, weights renormalised over the parts that are not null.';

create view public.recent_alerts as
  select alert_id, "timestamp", last_seen, severity, alert_type, class, title, prefix, origin_asn,
         peer_addr, peer_asn, peers_seen, peers_total, rpki_status, confidence, ensemble_score,
         final_score, status, acknowledged_by, acknowledged_at, resolved_at, alert_uuid
  from public.alerts
  where "timestamp" > now() - interval '24 hours'
  order by "timestamp" desc, alert_id desc;
comment on view public.recent_alerts is 'Alerts that opened in the last 24 hours, newest first.';

create view public.alert_summary_hourly as
  select date_bin(interval '1 hour', "timestamp", timestamptz '2000-01-03 00:00+00') as hour,
         alert_type,
         severity,
         count(*) as alerts,
         count(*) filter (where status in ('open', 'acknowledged')) as active,
         count(*) filter (where status = 'false_positive') as false_positives,
         avg(confidence) as avg_confidence,
         max(final_score) as max_final_score
  from public.alerts
  group by 1, 2, 3
  order by 1 desc, 2, 3;
comment on view public.alert_summary_hourly is 'Alerts by hour of opening (UTC), type and severity, newest first.';

select bgptui.create_hourly('public.features_hourly', 'public.features', 'collector, peer_addr, peer_asn', $$
  count(*) as windows,
  count(*) filter (where gap) as gap_windows,
  sum(announcements)::bigint as announcements,
  sum(withdrawals)::bigint as withdrawals,
  sum(total_updates)::bigint as total_updates,
  coalesce(sum(withdrawals)::double precision / nullif(sum(total_updates), 0), 0) as withdrawal_ratio,
  sum(flap_count)::bigint as flap_count,
  sum(path_length * prefixes_with_path) / nullif(sum(prefixes_with_path), 0) as path_length,
  max(unique_peers) as unique_peers,
  sum(message_rate * window_duration) / sum(window_duration) as message_rate,
  sum(session_resets)::bigint as session_resets,
  max(max_updates) as max_updates,
  sum(messages)::bigint as messages,
  sum(prefixes_with_path)::bigint as prefixes_with_path,
  sum(late_messages)::bigint as late_messages
$$);
comment on view public.features_hourly is
  'features by the hour (UTC) and stream: sums; means weighted as in features; unique_peers and max_updates are the largest of a window.';

select bgptui.create_hourly('public.system_metrics_hourly', 'public.system_metrics', 'component, metric_name, unit', $$
  count(*) as samples,
  avg(metric_value) as avg_value,
  min(metric_value) as min_value,
  max(metric_value) as max_value
$$);
comment on view public.system_metrics_hourly is 'system_metrics by the hour (UTC).';
