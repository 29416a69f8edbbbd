-- Rows of bgptui.store.rows.score_row.
copy public.ml_results (
  id, "timestamp", feature_id, feature_timestamp, collector, peer_addr, peer_asn,
  lstm_reconstruction_error, lstm_anomaly_score, lstm_is_anomaly, if_anomaly_score, if_is_anomaly,
  heuristic_score, heuristic_reasons, heuristic_p, ensemble_score, ensemble_confidence,
  ensemble_is_anomaly, learning, baseline_minutes, model_version, processing_time_ms,
  feature_error_share, baseline_median, baseline_spread
) from stdin (format binary)
