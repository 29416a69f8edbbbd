-- Peers seen in windows. Parameters: arrays of equal length: collectors, addresses, asns,
-- first_seen, last_seen; each peer once.
insert into public.peers as p (collector, peer_addr, peer_asn, first_seen, last_seen, state, state_at)
select collector, address, asn, first_seen, last_seen, 'up', first_seen
from unnest(%(collectors)s::text[], %(addresses)s::inet[], %(asns)s::bigint[],
            %(first_seen)s::timestamptz[], %(last_seen)s::timestamptz[])
  as seen (collector, address, asn, first_seen, last_seen)
on conflict (collector, peer_addr, peer_asn) do update set
  first_seen = least(excluded.first_seen, p.first_seen),
  last_seen = greatest(excluded.last_seen, p.last_seen)
