"""How a route's matter ended, in words."""

from collections.abc import Mapping

from bgptui.domain.alert_json import iso_utc
from bgptui.domain.event import Cause
from bgptui.domain.words import plural

NO_PEER = "no peer has it any more"

# What begins the words on a matter that is over; later ones replace them.
_WITHDRAWN = " Withdrawn at "
_ENDED = " Ended at "


def withdrawn_words(at: float, *, how: str, resolves_at: float | None, ended: bool) -> str:
    """What follows a route's description once no peer has the route any more.

    Args:
        how: as of `ended_words`.
        resolves_at: end of the hold-down; None while a gap in the feed stops it.
        ended: the hold-down is over.
    """
    is_gone = how == NO_PEER
    told = f"{_WITHDRAWN if is_gone else _ENDED}{iso_utc(at)}: {how}"
    if ended:
        return told + "."
    if resolves_at is None:
        return told + ", as far as was seen; the feed has a gap, after which the hold-down begins."
    return f"{told}; resolves at {iso_utc(resolves_at)} if it stays {'away' if is_gone else 'so'}."


def without_end(description: str) -> str:
    """A description without such words."""
    return description.partition(_WITHDRAWN)[0].partition(_ENDED)[0]


def ended_words(ends: Mapping[tuple[Cause, str], int]) -> str:
    """How it ended for how many peers, the most frequent way first; empty for no peers."""
    if {cause for cause, _ in ends} == {Cause.WITHDRAWN}:
        return NO_PEER
    ordered = sorted(ends.items(), key=lambda end: (-end[1], end[0]))
    return "; ".join(_told(cause, detail, peers) for (cause, detail), peers in ordered)


def _told(cause: Cause, detail: str, count: int) -> str:
    peers = plural(count, "peer", "peers")
    match cause:
        case Cause.WITHDRAWN:
            return f"withdrawn by {peers}"
        case Cause.REPLACED:
            by = f"{detail}'s route" if detail.startswith("AS") else detail or "another route"
            return f"replaced by {by} at {peers}"
        case Cause.SESSION_DOWN:
            return f"{plural(count, 'session', 'sessions')} of peers that had it went down"
        case Cause.VRP_CHANGE:
            return f"VRPs changed: {detail or 'they have nothing against it any more'} ({peers})"
        case Cause.ASPA_CHANGE:
            return f"ASPAs changed: they have nothing against the path any more ({peers})"
        case Cause.WATCHLIST_CHANGE:
            return f"the watchlist changed: it has nothing against it any more ({peers})"
        case Cause.MUTED | Cause.MUTE_ENDED:
            return f"muted by the watchlist ({peers})"
        case Cause.RECOVERED:
            return f"visible again ({peers} had lost it)"
        case Cause.ACCEPTED:
            return f"lost for a day by {peers}, which is taken for the new state of things"
