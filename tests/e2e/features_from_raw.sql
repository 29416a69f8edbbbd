-- Every feature of every window, computed from raw_bgp_data alone; late rows are in no window.
-- Columns: window_start, collector, peer_addr, peer_asn (null: the whole network), then the
-- features. Written for the test only, in another language than the aggregator, on purpose.
with message as (
  select *, (message_type = 'STATE' and peer_state = 'down') as says_down
  from public.raw_bgp_data where not late and peer_asn <> 0
),
session as (
  -- A session leaves Established when "down" comes and it was up before; where the source does
  -- not say so, when the peer's last message was no "down".
  select id, "timestamp",
         (says_down and coalesce(peer_was_up, not coalesce(
            lag(says_down) over (partition by collector, peer_addr, peer_asn
                                 order by "timestamp", id), false)))::int as resets
  from message
),
touch as (
  -- Within one message withdrawals come before announcements.
  select id, "timestamp", window_start, collector, peer_addr, peer_asn, touched.net as prefix, 0 as step
  from message m cross join lateral unnest(m.withdrawn) as touched (net)
  union all
  select id, "timestamp", window_start, collector, peer_addr, peer_asn, touched.net, 1
  from message m cross join lateral unnest(m.announced) as touched (net)
),
touch_in_order as (
  select *, lag(step) over stream as last_step, lag("timestamp") over stream as last_time
  from touch
  window stream as (partition by collector, peer_addr, peer_asn, prefix
                    order by "timestamp", id, step)
),
flap as (
  select window_start, collector, peer_addr, peer_asn, count(*) as flap_count
  from touch_in_order
  where step = 1 and last_step = 0 and "timestamp" - last_time <= interval '300 s'
  group by 1, 2, 3, 4
),
per_peer as (
  select m.window_start, m.collector, m.peer_addr, m.peer_asn,
         sum(cardinality(m.announced)) as announcements,
         sum(cardinality(m.withdrawn)) as withdrawals,
         count(*) filter (where message_type = 'UPDATE') as updates,
         count(*) as messages,
         coalesce(sum(cardinality(m.announced)) filter (where path_length > 0), 0) as with_path,
         coalesce(sum(cardinality(m.announced) * path_length::numeric)
                  filter (where path_length > 0), 0) as hops,
         coalesce(sum(cardinality(m.announced) * path_length::numeric ^ 2)
                  filter (where path_length > 0), 0) as hops_squared,
         sum(s.resets) as session_resets
  from message m join session s using (id, "timestamp")
  group by 1, 2, 3, 4
),
per_second as (
  select window_start, collector, peer_addr, peer_asn, date_trunc('second', "timestamp") as second,
         sum(cardinality(announced) + cardinality(withdrawn)) as updates
  from message group by 1, 2, 3, 4, 5
),
peer_row as (
  select p.*, coalesce(f.flap_count, 0) as flap_count,
         (select max(s.updates) from per_second s
          where (s.window_start, s.collector, s.peer_addr, s.peer_asn)
              = (p.window_start, p.collector, p.peer_addr, p.peer_asn)) as max_updates,
         count(*) filter (where p.updates > 0) over (partition by p.window_start, p.collector)
           as unique_peers
  from per_peer p left join flap f using (window_start, collector, peer_addr, peer_asn)
),
network_row as (
  select window_start, null::text as collector, null::inet as peer_addr, null::bigint as peer_asn,
         sum(announcements) as announcements, sum(withdrawals) as withdrawals,
         sum(updates) as updates, sum(messages) as messages, sum(with_path) as with_path,
         sum(hops) as hops, sum(hops_squared) as hops_squared,
         sum(session_resets) as session_resets, sum(flap_count) as flap_count,
         (select max(total) from (select sum(s.updates) as total from per_second s
                                  where s.window_start = p.window_start group by s.second) t)
           as max_updates,
         count(*) filter (where updates > 0) as unique_peers
  from peer_row p group by window_start
),
every_row as (
  select window_start, collector, peer_addr, peer_asn, announcements, withdrawals, updates,
         messages, with_path, hops, hops_squared, session_resets, flap_count, max_updates,
         unique_peers
  from peer_row
  union all select * from network_row
)
select extract(epoch from window_start)::bigint as window_start,
       collector, host(peer_addr) as peer_addr, peer_asn,
       announcements::bigint, withdrawals::bigint,
       (announcements + withdrawals)::bigint as total_updates,
       case when announcements + withdrawals = 0 then 0
            else withdrawals::float8 / (announcements + withdrawals)::float8 end as withdrawal_ratio,
       flap_count::bigint,
       (hops / nullif(with_path, 0))::float8 as path_length,
       unique_peers::bigint,
       updates::float8 / 60 as message_rate,
       session_resets::bigint,
       case when with_path > 0 then
         sqrt(greatest(0, hops_squared / with_path - (hops / with_path) ^ 2))::float8
       end as std_path_length,
       max_updates::bigint,
       messages::bigint,
       with_path::bigint as prefixes_with_path
from every_row
order by 1, 2 nulls last, 3, 4;
