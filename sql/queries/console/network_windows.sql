-- The latest network-wide windows, oldest first.
--   minutes: how far back from the newest.
-- Columns: start (seconds since 1970 UTC), values and zscores (in the order of the nine
-- features; null where there is none), gap.
select extract(epoch from "timestamp")::bigint as start,
       array[announcements, withdrawals, total_updates, withdrawal_ratio, flap_count, path_length,
             unique_peers, message_rate, session_resets]::float8[] as "values",
       coalesce(zscores, '{}')::float8[] as zscores,
       gap
from public.features
where peer_addr is null
  and "timestamp" > (select max("timestamp") from public.features where peer_addr is null)
                    - make_interval(mins => %(minutes)s)
order by "timestamp"
