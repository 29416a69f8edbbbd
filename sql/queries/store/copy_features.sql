-- Rows of bgptui.store.rows.feature_row.
copy public.features (
  id, "timestamp", collector, peer_addr, peer_asn, window_duration, announcements, withdrawals,
  total_updates, withdrawal_ratio, flap_count, path_length, unique_peers, message_rate,
  session_resets, std_path_length, max_updates, messages, prefixes_with_path, late_messages, gap,
  zscores
) from stdin (format binary)
