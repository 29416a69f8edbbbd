-- Reports a week of one model; nothing where it did not score the network's stream after learning,
-- or where that is done already.
-- Parameters: week (timestamptz, its start), model_version.
with scored as (
  select count(*) as scored_minutes,
         count(*) filter (where peer_addr is null) as network_minutes,
         percentile_disc(0.5) within group (order by ensemble_score)
           filter (where peer_addr is null) as median_ensemble
  from public.ml_results
  where "timestamp" >= %(week)s and "timestamp" < %(week)s + interval '168 hours'
    and model_version = %(model_version)s and not learning and ensemble_score is not null
), alerted as (
  select count(*) as ml_alerts,
         count(*) filter (where a.status = 'false_positive') as false_positives
  from public.alerts a
  join public.ml_results m on m.id = a.ml_result_id and m."timestamp" = a.ml_result_timestamp
  where a."timestamp" >= %(week)s and a."timestamp" < %(week)s + interval '168 hours'
    and a.alert_type = 'ml_anomaly'
    and m."timestamp" >= %(week)s and m.model_version = %(model_version)s
)
insert into public.detector_weeks
  (week, model_version, scored_minutes, network_minutes, median_ensemble, ml_alerts,
   false_positives)
select %(week)s, %(model_version)s, scored_minutes, network_minutes, median_ensemble, ml_alerts,
       false_positives
from scored cross join alerted
where network_minutes > 0
on conflict do nothing
