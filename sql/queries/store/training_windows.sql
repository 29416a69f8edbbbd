-- The windows of the network and of some peers since a time, packed as in baseline.sql.
-- Parameters: since (timestamptz), peers (how many, at most), seed (text: which ones).
-- Columns: collector, peer_addr, peer_asn, windows (bytea).
with chosen as (
  select collector, peer_addr, peer_asn
  from public.features
  where "timestamp" >= %(since)s and peer_addr is not null
  group by collector, peer_addr, peer_asn
  order by md5(%(seed)s || collector || host(peer_addr) || peer_asn::text), collector, peer_addr
  limit %(peers)s
)
select f.collector, host(f.peer_addr) as peer_addr, f.peer_asn,
       string_agg(
         float8send(extract(epoch from f."timestamp")::float8)
         || float8send(f.announcements) || float8send(f.withdrawals) || float8send(f.total_updates)
         || float8send(f.withdrawal_ratio) || float8send(f.flap_count)
         || float8send(coalesce(f.path_length, 'NaN')) || float8send(f.unique_peers)
         || float8send(f.message_rate) || float8send(f.session_resets)
         || float8send(coalesce(f.zscores[1]::float8, 'NaN')) || float8send(coalesce(f.zscores[2]::float8, 'NaN'))
         || float8send(coalesce(f.zscores[3]::float8, 'NaN')) || float8send(coalesce(f.zscores[4]::float8, 'NaN'))
         || float8send(coalesce(f.zscores[5]::float8, 'NaN')) || float8send(coalesce(f.zscores[6]::float8, 'NaN'))
         || float8send(coalesce(f.zscores[7]::float8, 'NaN')) || float8send(coalesce(f.zscores[8]::float8, 'NaN'))
         || float8send(coalesce(f.zscores[9]::float8, 'NaN'))
         || float8send(f.gap::int),
         ''::bytea order by f."timestamp", f.id) as windows
from public.features f
left join chosen c
  on c.collector = f.collector and c.peer_addr = f.peer_addr and c.peer_asn = f.peer_asn
where f."timestamp" >= %(since)s and (f.peer_addr is null or c.peer_addr is not null)
group by f.collector, f.peer_addr, f.peer_asn
order by f.collector nulls first, f.peer_addr, f.peer_asn
