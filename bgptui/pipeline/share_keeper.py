"""Keeps this process's share: renews it, takes what is free, gives what is too much."""

import logging
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet

from bgptui.pipeline.host_start import host_starts
from bgptui.pipeline.share import Leave, Share
from bgptui.pipeline.shares import decide
from bgptui.store import lease, shards
from bgptui.store.connect import Connection

log = logging.getLogger(__name__)


class ShareKeeper:
    """What the keeper does about leases where several processes share the collectors.

    Nobody leads: each looks at the same rows and decides for itself (shares.decide). What
    another process held is free when it gave it back, when its leases have run out, or at once
    where it ran on this machine and has ended.

    After the database was away everybody's leases have run out, so one that has just come back
    to it takes nothing from others before they have had the time to renew.

    Args:
        monotonic: seconds.
    """

    def __init__(self, share: Share, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._share = share
        self._monotonic = monotonic
        self._renew_every_s = share.ttl_s * lease.RENEW_EVERY_S / lease.LEASE_TTL_S
        self._renewed_at = float("-inf")
        self._steady_since = monotonic()
        self._begun: set[str] = set()
        self._giving: set[str] = set()

    def tend(self, connection: Connection) -> None:
        """To be called about once a second.

        Raises:
            LeaseLost: another process has taken a part of the share.
        """
        self._renew(connection)
        self._give_back(connection)
        found = shards.leases(connection)
        alive = self._alive(connection, found)
        if self._share.holder not in alive:
            raise lease.LeaseLost("another bgptui has taken this process for dead, and its share")
        holders = {
            scope: each.holder
            for scope, each in found.items()
            if each.holder in alive and not self._is_unknown(each)
        }
        if lease.CORRELATE not in holders:
            self._share.correlate = self._taken(connection, lease.CORRELATE)
        staying = [holder for holder, process in alive.items() if not process.is_leaving]
        # One whose begin is still to come cannot be left yet.
        staying_put = self._giving | (self._share.epochs.keys() - self._begun)
        decision = decide(
            self._share.hosts, holders, staying, me=self._share.holder, giving=staying_put
        )
        if decision.give:
            log.info("giving %s to another bgptui", ", ".join(decision.give))
            self._giving.update(decision.give)
            self._share.orders.extend(Leave(host) for host in decision.give)
        for host in decision.take:
            if (taken := self._taken(connection, host)) is not None:
                self._share.took(taken)
        if new := self._share.epochs.keys() - self._begun:
            self._begin(connection, new)

    def _is_unknown(self, found: shards.HeldLease) -> bool:
        """Ours, and we never heard so: the connection broke as we took it. Take it again."""
        if found.holder != self._share.holder:
            return False
        if found.scope == lease.CORRELATE:
            return self._share.correlate is None
        return found.scope not in self._share.epochs

    def _renew(self, connection: Connection) -> None:
        now = self._monotonic()
        if now - self._renewed_at < self._renew_every_s:
            return
        share = self._share
        epochs = share.epochs
        if share.correlate is not None:
            epochs[lease.CORRELATE] = share.correlate.epoch
        with connection.transaction():
            shards.renew(connection, share.holder, epochs, ttl_s=share.ttl_s)
        # Where that comes late, others may be as late as we are.
        if now - self._renewed_at > share.ttl_s:
            self._steady_since = now
        self._renewed_at = now

    def _give_back(self, connection: Connection) -> None:
        """Release the hosts whose last rows are in the database."""
        if not self._giving:
            return
        epochs = self._share.epochs
        for host in self._giving & shards.hosts_left(connection, self._share.holder):
            self._share.gave(host)
            lease.release(connection, lease.Lease(host, self._share.holder, epochs[host]))
            self._giving.discard(host)
            self._begun.discard(host)

    def _alive(
        self, connection: Connection, held: dict[str, shards.HeldLease]
    ) -> dict[str, shards.Process]:
        """The processes that live, in the order they came; those that do not are taken off."""
        alive: dict[str, shards.Process] = {}
        for process in shards.processes(connection):
            if process.holder == self._share.holder or not self._is_dead(process):
                alive[process.holder] = process
                continue
            log.warning("bgptui %s is gone: others take its share", process.holder)
            for each in held.values():
                if each.holder == process.holder:
                    gone = lease.Lease(each.scope, each.holder, each.epoch)
                    lease.release(connection, gone)
            shards.leave(connection, process.holder)
        return alive

    def _is_dead(self, process: shards.Process) -> bool:
        if lease.is_gone(process.holder):
            return True
        return not process.is_alive and (self._monotonic() - self._steady_since > self._share.ttl_s)

    def _taken(self, connection: Connection, scope: str) -> lease.Lease | None:
        share = self._share
        return lease.acquire(connection, scope, holder=share.holder, ttl_s=share.ttl_s)

    def _begin(self, connection: Connection, hosts: AbstractSet[str]) -> None:
        starts = host_starts(connection, hosts)
        progress = [shards.HostProgress(begin.host, begin.closed_until) for begin in starts]
        with connection.transaction():
            self._share.check(connection)
            shards.write_progress(connection, self._share.holder, progress)
        log.info("collecting %s", ", ".join(sorted(hosts)))
        self._begun |= hosts
        self._share.orders.extend(starts)
