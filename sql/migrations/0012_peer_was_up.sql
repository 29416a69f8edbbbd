-- Whether a session left Established or was no session before either, where the source tells.
-- Nullable and without a check: a hypertable that is compressed takes no other new column.

alter table public.raw_bgp_data add column peer_was_up boolean;
comment on column public.raw_bgp_data.peer_was_up is
  'For STATE: whether the session was Established before; null where the source does not say (RIS Live).';
