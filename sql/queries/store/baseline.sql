-- The windows of each stream since a time, oldest first, packed: of each window twenty float8 in
-- network order: start (seconds since 1970 UTC), the nine features, their nine z-scores, gap (0 or
-- 1); NaN for null.
-- Parameters: since (timestamptz), collectors (of these only, '' for the network's; null for all).
-- Columns: collector, peer_addr, peer_asn, windows (bytea).
select collector, host(peer_addr) as peer_addr, peer_asn,
       string_agg(
         float8send(extract(epoch from "timestamp")::float8)
         || float8send(announcements) || float8send(withdrawals) || float8send(total_updates)
         || float8send(withdrawal_ratio) || float8send(flap_count)
         || float8send(coalesce(path_length, 'NaN')) || float8send(unique_peers)
         || float8send(message_rate) || float8send(session_resets)
         || float8send(coalesce(zscores[1]::float8, 'NaN')) || float8send(coalesce(zscores[2]::float8, 'NaN'))
         || float8send(coalesce(zscores[3]::float8, 'NaN')) || float8send(coalesce(zscores[4]::float8, 'NaN'))
         || float8send(coalesce(zscores[5]::float8, 'NaN')) || float8send(coalesce(zscores[6]::float8, 'NaN'))
         || float8send(coalesce(zscores[7]::float8, 'NaN')) || float8send(coalesce(zscores[8]::float8, 'NaN'))
         || float8send(coalesce(zscores[9]::float8, 'NaN'))
         || float8send(gap::int),
         ''::bytea order by "timestamp", id) as windows
from public.features
where "timestamp" >= %(since)s
  and (%(collectors)s::text[] is null or coalesce(collector, '') = any(%(collectors)s))
group by collector, peer_addr, peer_asn
order by collector nulls first, peer_addr, peer_asn
