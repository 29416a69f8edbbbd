-- Minutes that alarmed since a time, whatever an operator made of the alert (a false positive is
-- no lesson in what is normal either). The network's alarm is everybody's.
-- Parameters: since (timestamptz). Columns: collector, peer_addr, peer_asn, starts (float8[]).
select collector, host(peer_addr) as peer_addr, peer_asn,
       array_agg(extract(epoch from "timestamp")::float8 order by "timestamp") as starts
from public.ml_results
where "timestamp" >= %(since)s and ensemble_is_anomaly
group by collector, peer_addr, peer_asn
