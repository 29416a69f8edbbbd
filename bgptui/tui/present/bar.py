"""The top bar: whether what is on the screen is true, and how much of it is bad."""

from enum import Enum, auto

from msgspec import Struct

from bgptui.domain.alert import Severity, Status
from bgptui.domain.health import STALE_AFTER_S, FeedHealth, Health
from bgptui.tui.lines import Line, Piece, Span, Tone, line, pack
from bgptui.tui.present.figures import age, clock, count, figure
from bgptui.tui.snapshot import Snapshot

SEVERITY_TONE = {
    Severity.CRITICAL: Tone.CRITICAL,
    Severity.HIGH: Tone.HIGH,
    Severity.MEDIUM: Tone.MEDIUM,
    Severity.LOW: Tone.LOW,
}


_TONE = {"LIVE": Tone.GOOD, "REPLAY": Tone.GOOD, "BLIND": Tone.BAD, "GAP": Tone.BAD}


class Trust(Enum):
    """How far the screen can be trusted.

    FLOWING: all of it is of this moment, or all but what the word's detail names. NO_FEED: the
    collector is there and no messages come. OLD: the collector or the database has not been
    heard of.
    """

    FLOWING = auto()
    NO_FEED = auto()
    OLD = auto()


class Liveness(Struct, frozen=True):
    """How far the screen can be trusted, the word for it, and a short detail."""

    trust: Trust
    word: str
    detail: str = ""


class BarView(Struct, frozen=True, kw_only=True):
    """What the bar says.

    Attributes:
        snapshot: what the screen shows.
        latest: the newest, another one only while the view is paused.
        unread_s: time since the newest was read.
        arrived: alerts that opened since the last key.
    """

    snapshot: Snapshot
    latest: Snapshot
    unread_s: float
    refresh_s: float = 1.0
    paused: bool = False
    arrived: int = 0
    bell: bool = True


def liveness(snapshot: Snapshot, *, unread_s: float, refresh_s: float) -> Liveness:
    """Judge a snapshot. Seeing nothing is never shown as nothing happening.

    Args:
        unread_s: seconds since it was read.
    """
    if snapshot.trouble is not None:
        away_s = unread_s + snapshot.taken - snapshot.trouble.since
        return Liveness(Trust.OLD, "BLIND", f"database away {age(away_s)}")
    if snapshot.sequence == 0:
        return Liveness(Trust.NO_FEED, "CONNECTING", "to the database")
    if unread_s > max(STALE_AFTER_S, 3 * refresh_s):
        return Liveness(Trust.OLD, "BLIND", f"no answer for {age(unread_s)}")
    collector = snapshot.collector
    if collector is None:
        return Liveness(Trust.OLD, "BLIND", "no collector")
    feed, age_s = collector.health.feed, collector.age_s + unread_s
    if feed.state == "ended":
        return Liveness(Trust.NO_FEED, "ENDED")
    if age_s > STALE_AFTER_S:
        return Liveness(Trust.OLD, "BLIND", f"collector silent {age(age_s)}")
    blind = _unheard(collector.health, unread_s)
    return blind if blind is not None else _of_feed(feed, collector.health.now)


def _unheard(health: Health, unread_s: float) -> Liveness | None:
    """Of several processes some say nothing: we are blind for what these collect."""
    silent = [each for each in health.processes if each.age_s + unread_s > STALE_AFTER_S]
    hosts = [host for each in silent for host in each.hosts]
    if not hosts:
        return None
    more = f"+{len(hosts) - 1}" if len(hosts) > 1 else ""
    oldest_s = max(each.age_s for each in silent) + unread_s
    return Liveness(Trust.FLOWING, "BLIND", f"{hosts[0]}{more} silent {age(oldest_s)}")


def _of_feed(feed: FeedHealth, now: float) -> Liveness:
    attempts = f" try {feed.attempts}" if feed.attempts else ""
    if feed.state == "standby":
        return Liveness(Trust.NO_FEED, "STANDBY")
    if feed.state == "connecting":
        return Liveness(Trust.NO_FEED, "CONNECTING", attempts.strip())
    if feed.state == "gap" or feed.gap_since is not None:
        since = "" if feed.gap_since is None else age(now - feed.gap_since)
        return Liveness(Trust.NO_FEED, "GAP", f"{since}{attempts}".strip())
    return Liveness(Trust.FLOWING, "LIVE" if feed.mode == "live" else "REPLAY")


def bar_line(view: BarView, width: int) -> Line:
    """The bar in `width` cells; what matters least goes first where it is too narrow."""
    latest = view.latest
    health = None if latest.collector is None else latest.collector.health
    live = liveness(latest, unread_s=view.unread_s, refresh_s=view.refresh_s)
    pieces = [Piece(5, _name(health.collectors if health else ()))]
    if view.paused:
        pieces.append(Piece(0, _frozen(view.snapshot)))
    pieces.append(Piece(0, _state(live, health)))
    if health is not None and live.trust is Trust.FLOWING:
        pieces.append(Piece(4, line(f"{_rate(health.rate_per_s)} upd/s")))
        pieces.append(Piece(3, _lag(health.lag_s)))
        pieces.append(Piece(1, _away(health)))
    pieces.append(Piece(0, _counts(view.snapshot.open_counts)))
    pieces.append(Piece(2, _acknowledged(view.snapshot)))
    if view.arrived:
        pieces.append(Piece(1, line(Span(f"new+{view.arrived}", Tone.STRONG))))
    if view.bell:
        pieces.append(Piece(6, line(Span("[bell]", Tone.FAINT))))
    else:
        pieces.append(Piece(2, line(Span("[mute]", Tone.FAINT))))
    return pack([piece for piece in pieces if piece.spans], width)


def _name(collectors: tuple[str, ...]) -> Line:
    if not collectors:
        return line(Span("bgptui", Tone.STRONG))
    more = f"+{len(collectors) - 1}" if len(collectors) > 1 else ""
    return line(Span("bgptui", Tone.STRONG), f" {collectors[0]}{more}")


def _state(live: Liveness, health: Health | None) -> Line:
    spans = [Span(live.word, _TONE.get(live.word, Tone.WARN))]
    if live.detail:
        spans.append(Span(f" {live.detail}"))
    if health is not None and health.now > 0:
        comma = "," if live.detail else ""
        last = " last" if live.trust is Trust.OLD else ""
        spans.append(Span(f"{comma}{last} {clock(health.now)}"))
    return tuple(spans)


def _away(health: Health) -> Line:
    """`rrc15+1 away`: collectors that bring nothing while the rest of the feed goes on."""
    away = [each.name for each in health.freshness if each.gap_since is not None]
    if not away:
        return ()
    more = f"+{len(away) - 1}" if len(away) > 1 else ""
    return line(Span(f"{away[0]}{more} away", Tone.BAD))


def _frozen(snapshot: Snapshot) -> Line:
    """PAUSED, and the time that the screen shows."""
    health = None if snapshot.collector is None else snapshot.collector.health
    return line(Span("PAUSED", Tone.WARN), "" if health is None else f" {clock(health.now)}")


def _rate(per_s: float) -> str:
    return count(per_s) if per_s >= 10 else figure(per_s)


def _lag(lag_s: float) -> Line:
    text = f"lag {lag_s:.1f}s" if lag_s < 100 else f"lag {age(lag_s)}"
    return line(Span(text, Tone.WARN) if lag_s >= 30 else text)


def _counts(counts: dict[Severity, int]) -> Line:
    spans: list[Span] = []
    for severity in Severity:
        number = counts.get(severity, 0)
        if spans:
            spans.append(Span(" "))
        tone = SEVERITY_TONE[severity] if number else Tone.FAINT
        spans.append(Span(f"{severity.value[0].upper()}{number}", tone))
    return tuple(spans)


def _acknowledged(snapshot: Snapshot) -> Line:
    """`ack2`: active alerts that somebody has, in the tone of the worst; the counts leave
    them out."""
    ranked = [row.severity for row in snapshot.alerts if row.status is Status.ACKNOWLEDGED]
    if not ranked:
        return ()
    worst = min(ranked, key=lambda severity: severity.rank)
    more = "+" if snapshot.alerts_left_out else ""
    return line(Span(f"ack{len(ranked)}{more}", SEVERITY_TONE[worst]))
