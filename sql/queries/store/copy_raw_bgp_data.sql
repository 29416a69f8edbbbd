-- Rows of bgptui.store.rows.raw_row. The id comes from the sequence: arrival order.
copy public.raw_bgp_data (
  "timestamp", window_start, late, announcements, withdrawals, total_updates, withdrawal_ratio,
  flap_count, unique_peers, message_rate, session_resets, message_type, peer_state, peer_was_up,
  collector, peer_addr, peer_asn, prefix, announced, withdrawn, path_length, as_path, origin_asn,
  raw_message
) from stdin (format binary)
