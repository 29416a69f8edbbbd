"""Titles and descriptions, in the words of the people who read them at three in the morning."""

from bgptui.domain.alert import Severity
from bgptui.domain.alert_json import iso_utc
from bgptui.domain.event import EventType, RouteEvent
from bgptui.domain.roa import RoaEvent, RoaKind
from bgptui.domain.routing import Peer
from bgptui.domain.rpki import InvalidReason, RpkiState
from bgptui.domain.score import WindowScore
from bgptui.domain.window import FEATURES
from bgptui.domain.words import plural

_ROUTE_TITLES = {
    EventType.HIJACK_SUSPECTED: "Route Hijack Suspected",
    EventType.LEAK_SUSPECTED: "Route Leak Suspected",
    EventType.RPKI_INVALID: "RPKI Invalid Route",
    EventType.PATH_ANOMALY: "AS Path Anomaly",
    EventType.NEW_PREFIX: "New Prefix Announced",
    EventType.VISIBILITY_LOSS: "Prefix Visibility Lost",
    EventType.BOGON: "Bogon Announced",
}
_INVALID_TITLES = {
    InvalidReason.ASN: "RPKI Invalid Origin",
    InvalidReason.LENGTH: "RPKI Invalid Prefix Length",
    InvalidReason.AS0: "RPKI Invalid: Covered by AS0",
    InvalidReason.AS_SET: "RPKI Invalid: AS_SET Origin",
}
_ROA_TITLES = {
    RoaKind.LOST: "ROA Gone",
    RoaKind.FOREIGN: "Unexpected ROA for Watched Prefix",
    RoaKind.CHANGED: "ROA Changed",
    RoaKind.EXPIRING: "ROA Ends Soon",
    RoaKind.ANCHOR: "Trust Anchor Shrank",
    RoaKind.HELD: "VRPs Held Back",
}
# Reasons of the detector, the most telling first: churn is what all of them look like.
_REASON_TITLES = {
    "WITHDRAWAL_STORM": "Withdrawal Storm",
    "WITHDRAWAL_BURST": "Withdrawal Burst",
    "SILENCE": "Peer Silent",
    "SESSION_RESET": "Session Reset",
    "FLAPPING": "Route Flapping",
    "PATH_LENGTH_SHIFT": "Path Length Shift",
    "CHURN_BURST": "Churn Burst",
    "CRITICAL_CHURN": "Churn Anomaly",
    "SUSTAINED_VOLUME": "Sustained Churn",
}
# The features that a reason is about.
_REASON_FEATURES = {
    "WITHDRAWAL_STORM": ("withdrawals", "withdrawal_ratio"),
    "WITHDRAWAL_BURST": ("withdrawals", "withdrawal_ratio"),
    "CHURN_BURST": ("announcements", "withdrawals", "flap_count"),
    "SILENCE": ("total_updates",),
    "SESSION_RESET": ("session_resets",),
    "FLAPPING": ("flap_count",),
    "PATH_LENGTH_SHIFT": ("path_length",),
}
_REASON_RANK = {name: rank for rank, name in enumerate(_REASON_TITLES)}
_COUNTS = frozenset({"announcements", "withdrawals", "total_updates", "flap_count"})


def route_title(event: RouteEvent) -> str:
    """Title of the alert that `event` leads."""
    if event.key.event_type is EventType.RPKI_INVALID and event.validation.reason is not None:
        return _INVALID_TITLES[event.validation.reason]
    return _ROUTE_TITLES[event.key.event_type]


def route_description(
    event: RouteEvent, *, prefixes: int, peers_seen: int, peers_total: int
) -> str:
    """What is announced, against what is expected, and who sees it."""
    told = [event.description.rstrip(". ") + "."]
    if event.key.event_type is EventType.HIJACK_SUSPECTED:
        is_of_origin = event.key.origin_asn not in event.expected_origins
        # A hijack that is low says why. Of a ROA that allows it the RPKI's sentence does.
        is_lowered = (
            event.severity is Severity.LOW and event.validation.state is not RpkiState.VALID
        )
        if is_of_origin and not is_lowered:
            told = [_announcement(event)]
        told.append(_rpki_sentence(event))
    if prefixes > 1:
        told.append(f"{prefixes} prefixes so far.")
    total = f" of {peers_total}" if peers_total >= peers_seen else ""
    verb = "Lost by" if event.key.event_type is EventType.VISIBILITY_LOSS else "Seen by"
    told.append(f"{verb} {plural(peers_seen, 'peer AS', 'peer ASes')}{total}.")
    return " ".join(sentence for sentence in told if sentence)


def _announcement(event: RouteEvent) -> str:
    key = event.key
    who = "An AS_SET" if key.origin_asn is None else f"AS{key.origin_asn}"
    if event.watched_prefix is None:
        return f"{who} announces {key.prefix}."
    what = "your" if event.watched_prefix == key.prefix else "a more-specific of your"
    route = f"{key.prefix}, {what} {event.watched_prefix}"
    if event.watched_prefix == key.prefix:
        route = f"your {key.prefix}"
    if not event.expected_origins:
        return f"{who} announces {route}, which nobody should originate."
    return f"{who} announces {route}; {_origins(event.expected_origins)} expected."


def _rpki_sentence(event: RouteEvent) -> str:
    validation = event.validation
    if validation.state is RpkiState.UNAVAILABLE:
        return "RPKI: no fresh data." if validation.source else "RPKI: no source is configured."
    if validation.state is RpkiState.NOT_FOUND:
        return "RPKI: no ROA covers it."
    named = sorted({vrp.asn for vrp in validation.covering})
    if validation.state is RpkiState.VALID:
        low = ", hence low" if event.severity is Severity.LOW else ""
        return (
            f"RPKI valid: a ROA allows this origin{low}; if that is right, add it to the watchlist."
        )
    if validation.reason is InvalidReason.LENGTH:
        allowed = max((vrp.max_length for vrp in validation.covering), default=0)
        return f"RPKI invalid: ROAs allow lengths up to /{allowed} only; fix the ROA or the route."
    if validation.reason is InvalidReason.AS_SET:
        return "RPKI invalid: an AS_SET has no single origin."
    if validation.reason is InvalidReason.AS0 or not any(named):
        return "RPKI invalid: the holder says that nobody may originate it (AS0)."
    return f"RPKI invalid: ROAs allow {_list_asns([asn for asn in named if asn])} only."


def leading_reason(score: WindowScore) -> str | None:
    """Name of the reason that tells most: the likeliest, then the most specific."""
    best = min(
        score.reasons,
        key=lambda reason: (-round(reason.p, 6), _REASON_RANK.get(reason.name, 99), reason.name),
        default=None,
    )
    return None if best is None else best.name


def ml_title(reason: str | None, *, peer: Peer | None) -> str:
    """Title by the leading reason; without one only the models found it odd."""
    if reason is None:
        return "BGP Anomaly"
    if reason == "SILENCE" and peer is None:
        return "Feed Unusually Quiet"
    return _REASON_TITLES.get(reason, reason.replace("_", " ").title())


def ml_description(score: WindowScore, *, alarming_peers: int) -> str:
    """Where, when, what drove it, and how far from usual."""
    window = score.window
    where = "Network-wide" if window.peer is None else f"Peer {peer_name(window.peer)}"
    told = [f"{where}, minute from {iso_utc(window.start)}: {_driver(score)}"]
    if score.ensemble is not None:
        told.append(f"Ensemble {score.ensemble:.2f}.")
    if window.peer is None and alarming_peers:
        told.append(f"{plural(alarming_peers, 'peer alarms', 'peers alarm')} as well.")
    if score.learning:
        told.append(f"Still learning ({score.baseline_minutes} minutes of baseline).")
    return " ".join(told)


def drivers(score: WindowScore, *, most: int = 3) -> list[tuple[str, float]]:
    """(feature, z): what the leading reason is about, then what is furthest from usual."""
    about = _REASON_FEATURES.get(leading_reason(score) or "", ())
    known = [
        (name, z) for name, z in zip(FEATURES, score.zscores, strict=False) if z is not None and z
    ]
    return sorted(
        known, key=lambda pair: (pair[0] not in about, -abs(pair[1]), FEATURES.index(pair[0]))
    )[:most]


def _driver(score: WindowScore) -> str:
    told = []
    for name, z in drivers(score, most=2):
        value: float | None = getattr(score.window, name)
        shown = (
            "unseen" if value is None else f"{value:,.0f}" if name in _COUNTS else f"{value:.2f}"
        )
        usual = ""
        index = FEATURES.index(name)
        if index < len(score.baseline):
            median = score.baseline[index][0]
            usual = f", usually {median:,.0f}" if name in _COUNTS else f", usually {median:.2f}"
        told.append(f"{name} {shown}{usual} (z {z:+.1f})")
    return "; ".join(told) + "." if told else "unlike the minutes before."


def session_title(*, down: int, lost: bool, most: bool) -> str:
    """Title of an outage of `down` peers; with none it is the table transfer of one.

    Args:
        lost: their sessions were up before.
        most: they are more than half of a collector's.
    """
    if not down:
        return "Table Transfer"
    if most:
        return "Most Peer Sessions Down"
    sessions = "Peer Session" if down == 1 else "Peer Sessions"
    return f"{sessions} Down" if lost else f"{sessions} Already Down"


def roa_title(event: RoaEvent) -> str:
    """Title of the alert of a matter of ROAs."""
    if event.kind is RoaKind.LOST and event.rpki_status == RpkiState.INVALID:
        return "Own Prefix Became RPKI Invalid"
    return _ROA_TITLES[event.kind]


def gap_title(collector: str | None) -> str:
    return "Feed Down" if collector is None else f"Feed of {collector} Down"


def peer_name(peer: Peer) -> str:
    """`AS64496 at 192.0.2.1 (rrc00)`."""
    return f"AS{peer.asn} at {peer.address} ({peer.collector})"


def _origins(asns: tuple[int, ...]) -> str:
    return f"{_list_asns(asns)} {'is' if len(asns) == 1 else 'are'}"


def _list_asns(asns: tuple[int, ...] | list[int]) -> str:
    shown = ", ".join(f"AS{asn}" for asn in asns[:5])
    return shown if len(asns) <= 5 else f"{shown} and {len(asns) - 5} more"
