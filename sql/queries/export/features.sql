-- One-minute windows, oldest first, the network's row before its peers'; `bgptui train` and
-- `evaluate` read them back.
-- Parameters: since, until (timestamptz, half open; null: no bound). Columns: as in features,
-- timestamp as seconds since 1970 UTC, without ids, window_duration and zscores.
select extract(epoch from "timestamp")::float8 as "timestamp",
       collector, host(peer_addr) as peer_addr, peer_asn,
       announcements, withdrawals, total_updates, withdrawal_ratio, flap_count, path_length,
       unique_peers, message_rate, session_resets, std_path_length, max_updates, messages,
       prefixes_with_path, late_messages, gap
from public.features
where (%(since)s::timestamptz is null or "timestamp" >= %(since)s)
  and (%(until)s::timestamptz is null or "timestamp" < %(until)s)
order by "timestamp", id
