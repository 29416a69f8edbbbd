-- What the detector said of each window, oldest first.
-- Parameters: since, until (timestamptz, half open; null: no bound). Columns: as in ml_results,
-- timestamp as seconds since 1970 UTC, without ids and references.
select extract(epoch from "timestamp")::float8 as "timestamp",
       collector, host(peer_addr) as peer_addr, peer_asn,
       lstm_reconstruction_error, lstm_anomaly_score, lstm_is_anomaly, if_anomaly_score,
       if_is_anomaly, heuristic_score, heuristic_reasons, heuristic_p, ensemble_score,
       ensemble_confidence, ensemble_is_anomaly, learning, baseline_minutes, model_version,
       processing_time_ms, feature_error_share, baseline_median, baseline_spread
from public.ml_results
where (%(since)s::timestamptz is null or "timestamp" >= %(since)s)
  and (%(until)s::timestamptz is null or "timestamp" < %(until)s)
order by "timestamp", id
