"""What the paths of routes say: leaks, forged origins, path patterns and new neighbours.

It remembers what fires per (peer, prefix), so that each end is told, and judges each path once:
the same few hundred thousand paths come again and again. When ASPAs change, the paths with their
customers are judged again. One that stood and is a leak since then is known as such: nobody began
to leak, an ASPA was made or changed, perhaps without one of the providers.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from bgptui.domain.alert import Severity
from bgptui.domain.aspa import OtcLeak, PathState, PathVerification, Role
from bgptui.domain.event import Cause, EventType, RouteCleared, RouteEvent, RouteKey
from bgptui.domain.routing import AsPath, BgpMessage, Peer
from bgptui.domain.rpki import OriginValidation
from bgptui.routemon.leaks import (
    aspa_leak,
    aspa_reason,
    inferred_leak,
    no_export_leak,
    otc_finding,
)
from bgptui.routemon.path_rules import (
    decide_neighbours,
    decide_path,
    distinct_hops,
    is_called_off,
)
from bgptui.routemon.relationships import Relationships
from bgptui.routemon.rules import Finding, named
from bgptui.routemon.teller import Teller, VerifyPath
from bgptui.routemon.verdict import Origin, Verdict, single_as
from bgptui.routemon.watchlist import Check, Rule, Watchlist
from bgptui.runtime.metrics import Metrics

PATHS_MOST = 200_000
FIRING_MOST = 100_000  # (peer, prefix) pairs
STANDING_MOST = 100_000

Change = RouteEvent | RouteCleared
ProveLeak = Callable[[AsPath, int, int, Role | None], OtcLeak | None]
WatchedPrefixes = Mapping[str, tuple[Rule, ...]]


class _Judged(Struct, frozen=True):
    """What a path says whatever the prefix."""

    verification: PathVerification | None
    findings: tuple[Finding, ...]


_NOTHING = _Judged(None, ())


class _Firing(Struct):
    """A peer's route for which rules fire.

    Attributes:
        message: as it was announced, without its frame; None where an earlier run told it.
        events: by key; None likewise.
    """

    message: BgpMessage | None
    events: dict[RouteKey, RouteEvent | None]


class PathMonitor:
    """Judges paths. Not thread-safe: it belongs to the ingest thread.

    Args:
        verify: ASPA verification; None while there are no ASPAs.
        otc_leak: the leak that (path, OTC, peer's AS, its role) proves.
        validate: origin validation, for the evidence.
        teller: makes the events.
        learn_s: leaks of the first so many seconds of event time stood before us; they are
            counted, not told, unless they concern a watched prefix.
    """

    def __init__(
        self,
        watchlist: Watchlist,
        *,
        verify: VerifyPath,
        otc_leak: ProveLeak,
        validate: Callable[[str, int | None], OriginValidation],
        teller: Teller,
        metrics: Metrics,
        learn_s: float,
        relationships: Relationships | None = None,
    ) -> None:
        self._watchlist = watchlist
        self._verify = verify
        self._otc_leak = otc_leak
        self._validate = validate
        self._teller = teller
        self._metrics = metrics
        self._learn_s = learn_s
        self.relationships = relationships
        self._paths: dict[tuple[AsPath, Role | None], _Judged] = {}
        self._firing: dict[Peer, dict[str, _Firing]] = {}
        self._firing_count = 0
        self._standing: set[str] = set()  # reasons, each a pair of neighbours
        self._flipped: set[str] = set()  # likewise
        self._learn_until = math.inf

    @property
    def firing(self) -> int:
        """(peer, prefix) pairs that fire."""
        return self._firing_count

    def learn_from(self, at: float) -> None:
        """From this event time on is learned which leaks stand."""
        self._learn_until = at + self._learn_s

    def observe(
        self,
        message: BgpMessage,
        watched: WatchedPrefixes,
        changes: list[Change],
        *,
        min_peers: int,
    ) -> None:
        """Take an UPDATE's announcements.

        Args:
            watched: of its announced prefixes those that are watched, with their rules.
            changes: what begins and ends is added here.
        """
        judged = self._judge(message)
        firing = self._firing.get(message.peer)
        if not judged.findings and not watched and not firing and message.otc is None:
            return
        for prefix in message.announced:
            rules = watched.get(prefix, ())
            found = self._of_route(message, prefix, rules, judged)
            if found or (firing and prefix in firing):
                self._settle(message, prefix, found, changes, min_peers=min_peers)

    def withdraw(self, message: BgpMessage, changes: list[Change]) -> None:
        """Take its withdrawals."""
        firing = self._firing.get(message.peer)
        for prefix in message.withdrawn if firing else ():
            if firing and prefix in firing and prefix not in message.announced:
                self._end(message.peer, prefix, message.timestamp, Cause.WITHDRAWN, changes)

    def session_down(self, peer: Peer, at: float, changes: list[Change]) -> None:
        """All routes of a peer are gone."""
        for prefix in list(self._firing.get(peer, ())):
            self._end(peer, prefix, at, Cause.SESSION_DOWN, changes)

    def leave(self, collector: str) -> None:
        """Forget what fires at a collector's peers, and tell nobody: another process has it."""
        for peer in [peer for peer in self._firing if peer.collector == collector]:
            self._firing_count -= len(self._firing.pop(peer))

    def aspas_changed(
        self,
        customers: frozenset[int] | None,
        now: float,
        changes: list[Change],
        *,
        min_peers: int,
    ) -> None:
        """Judge by the ASPAs in force now what has one of these customers in its path.

        Args:
            customers: None for anybody.
        """
        if customers is None:
            self._paths.clear()
        else:
            firing = {
                key.reason
                for routes in self._firing.values()
                for route in routes.values()
                for key in route.events
            }
            for path, role in [key for key in self._paths if not customers.isdisjoint(key[0])]:
                before = self._paths.pop((path, role))
                self._note_flips(before, self._judge_path(path, role), firing)
        self._judge_firing(now, Cause.ASPA_CHANGE, changes, min_peers=min_peers, with_=customers)

    def judge_again(
        self,
        watchlist: Watchlist,
        now: float,
        cause: Cause,
        changes: list[Change],
        *,
        min_peers: int,
    ) -> None:
        """Judge what fires by a watchlist that changed, or whose mutes ended."""
        self._watchlist = watchlist
        self._paths.clear()
        self._judge_firing(now, cause, changes, min_peers=min_peers)

    def _judge_firing(
        self,
        now: float,
        cause: Cause,
        changes: list[Change],
        *,
        min_peers: int,
        with_: frozenset[int] | None = None,
    ) -> None:
        for peer, firing in list(self._firing.items()):
            for prefix, route in list(firing.items()):
                if route.message is None:
                    # Too little is known of it: where rules are left its peer's next word decides.
                    is_new = cause is Cause.WATCHLIST_CHANGE
                    if is_new and is_called_off(prefix, route.events, self._watchlist):
                        self._end(peer, prefix, now, cause, changes)
                    continue
                if with_ is not None and with_.isdisjoint(route.message.as_path):
                    continue
                message = replace(route.message, timestamp=now)
                rules = self._watchlist.covering(prefix)
                found = self._of_route(message, prefix, rules, self._judge(message))
                self._settle(message, prefix, found, changes, min_peers=min_peers, cause=cause)

    def _note_flips(self, before: _Judged, after: _Judged, firing: set[str]) -> None:
        """A path that stood is a leak since ASPAs changed; what fires already was one before."""
        known = {finding.reason for finding in before.findings}
        for finding in after.findings:
            is_new = finding.reason not in known and finding.reason not in firing
            if is_new and len(self._flipped) < STANDING_MOST:
                self._flipped.add(finding.reason)
                self._stands(finding.reason)

    def take_over(self, key: RouteKey, peer: Peer) -> None:
        """An earlier run told this event: it is told once more when the peer announces the
        route again, else its end is."""
        routes = self._firing.setdefault(peer, {})
        self._firing_count += key.prefix not in routes
        routes.setdefault(key.prefix, _Firing(None, {})).events[key] = None

    def seed(self, message: BgpMessage) -> None:
        """Take a route that stood before the first message: its leaks are standing ones."""
        for finding in self._judge(message).findings:
            if finding.event_type is EventType.LEAK_SUSPECTED:
                self._stands(finding.reason)

    def _judge(self, message: BgpMessage) -> _Judged:
        """What the path says, from memory where it was met before."""
        path = message.as_path
        if not path:
            return _NOTHING
        role = self._watchlist.roles.get(message.peer.asn)
        return self._paths.get((path, role)) or self._judge_path(path, role)

    def _judge_path(self, path: AsPath, role: Role | None) -> _Judged:
        if len(self._paths) >= PATHS_MOST:
            self._paths.clear()  # those of these minutes are back at once
        verification = self._verify(path, role)
        leak = aspa_leak(verification)
        neighbours = decide_neighbours(path, self._watchlist.as_rules)
        findings = (*neighbours, *(() if leak is None else (leak,)))
        judged = self._paths[path, role] = _Judged(verification, findings)
        return judged

    def _of_route(
        self, message: BgpMessage, prefix: str, rules: tuple[Rule, ...], judged: _Judged
    ) -> list[Finding]:
        """Everything that fires for one announced prefix."""
        found = [
            _since_aspas_changed(finding) if finding.reason in self._flipped else finding
            for finding in (*judged.findings, *self._by_otc(message))
            if self._is_news(finding, message, rules)
        ]
        if not rules:
            return found
        by_path = decide_path(
            prefix, message.as_path, rules, partial(self._metrics.drop, "routemon")
        )
        of_path = [_weighed(each, judged) for each in by_path]
        if any(each.event_type is EventType.HIJACK_SUSPECTED for each in of_path):
            # Its ASPA does not know the new neighbour either: one matter, and it is told.
            told_already = aspa_reason(*distinct_hops(message.as_path)[:-3:-1])
            found = [each for each in found if each.reason != told_already]
        found += of_path
        no_export = no_export_leak(message, prefix, rules)
        inferred = None
        if self.relationships is not None:
            inferred = inferred_leak(message.as_path, prefix, rules, self.relationships)
        return found + [each for each in (no_export, inferred) if each is not None]

    def _by_otc(self, message: BgpMessage) -> list[Finding]:
        if message.otc is None or not message.as_path:
            return []
        asn = message.peer.asn
        leak = self._otc_leak(message.as_path, message.otc, asn, self._watchlist.roles.get(asn))
        return [] if leak is None else [otc_finding(leak, message.otc)]

    def _is_news(self, finding: Finding, message: BgpMessage, rules: tuple[Rule, ...]) -> bool:
        """Whether it is told: a leak that stood when we began is only counted, unless it
        concerns a watched prefix."""
        if finding.event_type is not EventType.LEAK_SUSPECTED:
            return True
        if rules:
            return any(Check.LEAK in rule.checks and not rule.ignore for rule in rules)
        if message.timestamp < self._learn_until:
            self._stands(finding.reason)
        if finding.reason in self._standing:
            self._metrics.count("routemon", "standing_leaks")
            return False
        return True

    def _stands(self, reason: str) -> None:
        if len(self._standing) < STANDING_MOST:
            self._standing.add(reason)
        elif reason not in self._standing:
            self._metrics.drop("routemon", "standing_full")

    def _settle(
        self,
        message: BgpMessage,
        prefix: str,
        found: list[Finding],
        changes: list[Change],
        *,
        min_peers: int,
        cause: Cause | None = None,
    ) -> None:
        """Tell what a peer's route to `prefix` begins, and what it ends; `cause` where that is
        not what the peer announced."""
        peer, path = message.peer, message.as_path
        origin: Origin = path[-1] if path else peer.asn
        asn = single_as(origin)
        now = {
            RouteKey(finding.event_type, prefix, asn, finding.reason): finding for finding in found
        }
        before = self._firing.get(peer, {}).get(prefix)
        known = {} if before is None else before.events
        ended = Cause.REPLACED if cause is None else cause
        for key in [key for key in known if key not in now]:
            by = named(origin) if cause is None and key.origin_asn != asn else ""
            changes.append(RouteCleared(message.timestamp, key, peer, ended, by))
        if not now:
            self._forget(peer, prefix)
            return
        if before is None and self._firing_count >= FIRING_MOST:
            self._metrics.drop("routemon", "firing_full")
            return
        self._firing_count += before is None
        route = replace(message, announced=(prefix,), withdrawn=(), received=b"")
        events = {key: event for key, event in known.items() if key in now}
        self._firing.setdefault(peer, {})[prefix] = _Firing(route, events)
        for key, finding in now.items():
            told = events.get(key)
            if told is not None and told.severity is finding.severity:
                is_open = finding.opens_alert and not finding.is_muted(message.timestamp)
                if told.opens_alert is is_open:
                    continue
                if told.opens_alert:
                    changes.append(RouteCleared(message.timestamp, key, peer, Cause.MUTED))
            verdict = Verdict.of(key, finding, self._validate(prefix, asn))
            event = self._teller.event(verdict, message, min_peers=min_peers, cause=cause)
            events[key] = event
            changes.append(event)

    def _end(self, peer: Peer, prefix: str, at: float, cause: Cause, changes: list[Change]) -> None:
        events = self._firing[peer][prefix].events
        changes += [RouteCleared(at, key, peer, cause) for key in events]
        self._forget(peer, prefix)

    def _forget(self, peer: Peer, prefix: str) -> None:
        firing = self._firing.get(peer)
        if firing is not None and firing.pop(prefix, None) is not None:
            self._firing_count -= 1
            if not firing:
                del self._firing[peer]


def _since_aspas_changed(finding: Finding) -> Finding:
    why = (
        f"{finding.why}; routes went there before ASPAs changed: look whether a provider is"
        " missing in them"
    )
    return replace(finding, severity=Severity.MEDIUM, why=why, cause=Cause.ASPA_CHANGE)


def _weighed(finding: Finding, judged: _Judged) -> Finding:
    """A forged origin is critical where ASPAs call its path invalid as well."""
    verification = judged.verification
    if (
        finding.event_type is not EventType.HIJACK_SUSPECTED
        or verification is None
        or verification.state is not PathState.INVALID
    ):
        return finding
    return replace(
        finding,
        severity=Severity.CRITICAL,
        why=f"{finding.why}; ASPAs call the path invalid ({verification.reason})",
    )
