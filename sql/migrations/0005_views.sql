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
