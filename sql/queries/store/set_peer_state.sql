-- A session went up or down; an older message does not overrule a newer one.
-- Parameters: collector, address, asn, state, at.
insert into public.peers as p (collector, peer_addr, peer_asn, first_seen, last_seen, state, state_at)
values (%(collector)s, %(address)s::inet, %(asn)s, %(at)s, %(at)s, %(state)s, %(at)s)
on conflict (collector, peer_addr, peer_asn) do update set
  last_seen = greatest(excluded.last_seen, p.last_seen),
  state = excluded.state,
  state_at = excluded.state_at
where excluded.state_at >= p.state_at
