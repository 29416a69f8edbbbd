"""Watched prefixes that peers lose: when enough of them did, and when they have it again."""

from collections.abc import Callable, Iterable

from msgspec import Struct

from bgptui.domain.alert import Severity
from bgptui.domain.event import Cause, EventType, RouteCleared, RouteEvent, RouteKey
from bgptui.domain.prefix import IPV4_BITS, IPV6_BITS
from bgptui.domain.routing import AsPath, BgpMessage, MessageType, Peer
from bgptui.domain.rpki import OriginValidation
from bgptui.routemon.path_rules import distinct_hops
from bgptui.routemon.rules import Finding
from bgptui.routemon.teller import Teller
from bgptui.routemon.verdict import Verdict
from bgptui.routemon.visibility import LOSS_CRITICAL, LOSS_HIGH, Loss, Visibility
from bgptui.routemon.watchlist import Check, Rule, Watchlist

# A prefix that is back within seconds was re-routed, or its router rebooted.
LASTING_S = 30.0
# A loss that lasts a day is the new state of things.
ACCEPT_AFTER_S = 86_400.0
# Of the peers of a collector, so many carry the whole table; the others are not expected to have
# a given prefix. It matters only until enough of them have spoken of it: the feed sends no table.
FULL_FEEDS = 0.5
# It is over at half of what opened it, so that a share at the threshold does not flap.
_OVER_BELOW = 0.5

Change = RouteEvent | RouteCleared


class _Lost(Struct):
    """A loss that is told: since when (None: before a restart), how bad, and which peers."""

    since: float | None
    severity: Severity
    peers: set[Peer]


class VisibilityMonitor:
    """Belongs to the ingest thread.

    Each peer that lost a prefix makes an event of its own, so that an alert counts peers as it
    does everywhere, and each that has it again ends one.

    Args:
        validate: origin validation, for the evidence.
        teller: makes the events.
        peers_of: peers of the feed with an address of so many bits.
    """

    def __init__(
        self,
        watchlist: Watchlist,
        *,
        validate: Callable[[str, int | None], OriginValidation],
        teller: Teller,
        peers_of: Callable[[int], int],
    ) -> None:
        self._validate = validate
        self._teller = teller
        self._peers_of = peers_of
        self._rules = _rules(watchlist)
        self._visibility = Visibility(self._rules)
        self._told: dict[str, _Lost] = {}

    @property
    def left_out(self) -> int:
        """Words of peers beyond the bound of those that are told apart."""
        return self._visibility.left_out

    def __contains__(self, prefix: str) -> bool:
        return prefix in self._rules

    def set_watchlist(
        self, watchlist: Watchlist, now: float, changes: list[Change], *, min_peers: int
    ) -> None:
        """Exchange the watchlist; what is known of prefixes that stay is kept, and judged by
        their new rules."""
        before, self._rules = self._rules, _rules(watchlist)
        for prefix in list(self._told):
            rule = self._rules.get(prefix)
            if rule is None:
                self._over(prefix, now, Cause.WATCHLIST_CHANGE, changes)
            elif rule.is_muted(now):
                self._over(prefix, now, Cause.MUTED, changes)
        self._visibility.watch(self._rules)
        for prefix, rule in self._rules.items():
            is_new = prefix not in before or rule.expects_the_same_as(before[prefix])
            if not is_new and not rule.is_muted(now):
                self._judge_again(rule, now, changes, min_peers=min_peers)

    def take_over(self, prefix: str, peer: Peer) -> None:
        """An earlier run told that the peer lost the prefix."""
        if prefix not in self._rules:
            return
        self._visibility.announced(prefix, peer, None)
        self._visibility.withdrawn(prefix, peer)
        told = self._told.setdefault(prefix, _Lost(None, Severity.HIGH, set()))
        told.peers.add(peer)

    def announced(self, message: BgpMessage, prefix: str, changes: list[Change]) -> None:
        """A peer has the prefix."""
        upstream = _upstream(message.as_path)
        if self._visibility.announced(prefix, message.peer, upstream):
            self._back(prefix, message.peer, message.timestamp, Cause.RECOVERED, changes)

    def withdrawn(
        self, message: BgpMessage, prefix: str, changes: list[Change], *, min_peers: int
    ) -> None:
        """A peer lost the prefix."""
        if not self._visibility.withdrawn(prefix, message.peer):
            return
        self._judge(
            self._rules[prefix], (message.peer,), message.timestamp, changes, min_peers=min_peers
        )

    def _judge(
        self,
        rule: Rule,
        peers: Iterable[Peer],
        at: float,
        changes: list[Change],
        *,
        min_peers: int,
        cause: Cause | None = None,
    ) -> None:
        """Tell that a prefix is lost, of all peers that lost it; once that is told, of `peers`."""
        prefix = rule.prefix
        loss = self._loss(prefix)
        told = self._told.get(prefix)
        enough = min_peers if rule.min_peers is None else rule.min_peers
        is_lost = loss.lost >= enough and loss.share >= (rule.visibility_loss or LOSS_HIGH)
        if told is None and not is_lost:
            return
        severity = Severity.CRITICAL if loss.share >= LOSS_CRITICAL else Severity.HIGH
        if told is None:
            told = self._told[prefix] = _Lost(at, severity, set())
            peers = self._visibility.losers(prefix)
        elif severity is Severity.CRITICAL:
            told.severity = severity
        for peer in peers:
            told.peers.add(peer)
            event = self._event(
                rule, peer, at, severity=told.severity, loss=loss, min_peers=enough, cause=cause
            )
            changes.append(event)

    def _judge_again(
        self, rule: Rule, now: float, changes: list[Change], *, min_peers: int
    ) -> None:
        """The rule of a prefix changed: a loss that is told may be over, one may be told anew."""
        cause = Cause.WATCHLIST_CHANGE
        if rule.prefix in self._told:
            self._end_if_over(rule.prefix, now, changes, cause=cause)
        told = self._told.get(rule.prefix)
        peers = () if told is None else sorted(told.peers)
        self._judge(rule, peers, now, changes, min_peers=min_peers, cause=cause)

    def session_down(self, peer: Peer, at: float, changes: list[Change]) -> None:
        """Nothing is known of what the peer has any more, which is no loss."""
        for prefix in list(self._visibility.forget(peer)):
            self._back(prefix, peer, at, Cause.SESSION_DOWN, changes)
        for prefix in list(self._told):
            self._end_if_over(prefix, at, changes)

    def seed(self, message: BgpMessage) -> None:
        """Take routes that stood before the first message."""
        for prefix in message.announced:
            if prefix in self._rules:
                self.announced(message, prefix, [])

    def leave(self, collector: str) -> None:
        """Forget a collector's peers, and tell nobody: another process has them."""
        self._visibility.forget_collector(collector)
        for lost in self._told.values():
            lost.peers = {peer for peer in lost.peers if peer.collector != collector}

    def tick(self, now: float, changes: list[Change]) -> None:
        """Accept what has been lost for a day."""
        for prefix, lost in list(self._told.items()):
            if lost.since is None:
                lost.since = now
            elif now - lost.since >= ACCEPT_AFTER_S:
                self._visibility.forget_lost(prefix)
                self._over(prefix, now, Cause.ACCEPTED, changes)

    def _back(
        self, prefix: str, peer: Peer, at: float, cause: Cause, changes: list[Change]
    ) -> None:
        told = self._told.get(prefix)
        if told is None:
            return
        if peer in told.peers:
            told.peers.remove(peer)
            changes.append(RouteCleared(at, _key(prefix), peer, cause))
        self._end_if_over(prefix, at, changes)

    def _end_if_over(
        self, prefix: str, at: float, changes: list[Change], *, cause: Cause = Cause.RECOVERED
    ) -> None:
        threshold = self._rules[prefix].visibility_loss or LOSS_HIGH
        if self._loss(prefix).share < threshold * _OVER_BELOW:
            self._over(prefix, at, cause, changes)

    def _loss(self, prefix: str) -> Loss:
        """The loss, out of the peers that had the prefix as far as can be told."""
        known = self._visibility.loss(prefix)
        family = IPV6_BITS if ":" in prefix else IPV4_BITS
        return Loss(known.lost, max(known.had, int(self._peers_of(family) * FULL_FEEDS)))

    def _over(self, prefix: str, at: float, cause: Cause, changes: list[Change]) -> None:
        told = self._told.pop(prefix)
        changes += [RouteCleared(at, _key(prefix), peer, cause) for peer in sorted(told.peers)]

    def _event(
        self,
        rule: Rule,
        peer: Peer,
        at: float,
        *,
        severity: Severity,
        loss: Loss,
        min_peers: int,
        cause: Cause | None = None,
    ) -> RouteEvent:
        origin = rule.origins[0] if len(rule.origins) == 1 else None
        finding = Finding(
            EventType.VISIBILITY_LOSS,
            "visibility",
            severity,
            "-|-",
            f"{loss.lost} of {loss.had} peers that had {rule.prefix} lost it",
            rule,
            lasting_s=LASTING_S,
        )
        verdict = Verdict.of(_key(rule.prefix), finding, self._validate(rule.prefix, origin))
        return self._teller.event(
            verdict,
            BgpMessage(at, peer, MessageType.UPDATE, withdrawn=(rule.prefix,)),
            min_peers=min_peers,
            cause=cause,
            further={
                "peers_lost": loss.lost,
                "peers_had": loss.had,
                "share_lost": round(loss.share, 3),
                "by_upstream": [
                    {"upstream": asn, "lost": lost, "have": having}
                    for asn, lost, having in self._visibility.by_upstream(rule.prefix)
                ],
            },
        )


def _key(prefix: str) -> RouteKey:
    return RouteKey(EventType.VISIBILITY_LOSS, prefix, None, "visibility")


def _rules(watchlist: Watchlist) -> dict[str, Rule]:
    """The rule of each prefix that should be visible."""
    rules: dict[str, Rule] = {}
    for rule in watchlist.rules:
        if Check.VISIBILITY in rule.checks and rule.origins and not rule.ignore:
            rules.setdefault(rule.prefix, rule)
    return rules


def _upstream(path: AsPath) -> int | None:
    """The neighbour of the origin."""
    hops = distinct_hops(path)
    upstream = hops[-2] if len(hops) > 1 else None
    return upstream if isinstance(upstream, int) else None
