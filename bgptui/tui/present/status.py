"""The filter line, and what is said where there is nothing else to show."""

from bgptui.domain.health import Health
from bgptui.tui.alert_list import DEFAULT_FILTER
from bgptui.tui.lines import Line, Piece, Span, Tone, line, pack, shortened, width_of
from bgptui.tui.present.figures import percent
from bgptui.tui.present.pipeline import drops_text, not_looked_for, watchlist_trouble
from bgptui.tui.snapshot import Snapshot
from bgptui.tui.view import View


def filter_line(view: View, width: int) -> Line:
    """`ALERTS 42/318  row 5   filter: state:active   sort: sev, -last`."""
    alerts = view.alerts
    total = f"{alerts.total}{'+' if view.shown.alerts_left_out else ''}"
    position = f" row {alerts.cursor + 1}" if alerts.shown else ""
    order = alerts.sort.value + (" reversed" if alerts.reversed else "")
    pieces = [
        Piece(0, line(Span("ALERTS", Tone.STRONG), f" {len(alerts.shown)}/{total}{position}")),
        Piece(1, line(Span(" filter: ", Tone.FAINT), alerts.filter_text or "none")),
        Piece(2, line(Span(" sort: ", Tone.FAINT), order)),
    ]
    if alerts.find_text:
        pieces.append(Piece(3, line(Span(" find: ", Tone.FAINT), alerts.find_text)))
    return pack(pieces, width)


def standing_line(snapshot: Snapshot, width: int) -> Line:
    """What lasts and must be known; shown while there is no message."""
    if snapshot.trouble is not None:
        return line(Span(snapshot.trouble.message, Tone.BAD))
    if snapshot.collector is None:
        return ()
    health = snapshot.collector.health
    if health.feed.error:
        return _with_hint(health.feed.error, health.feed.hint, width)
    told = [f"{stage.name}: {stage.detail}" for stage in health.stages if stage.detail]
    told += watchlist_trouble(health)
    if health.rpki.error:
        told.append(f"rpki: {health.rpki.error}")
    if health.dropped:
        told.append(f"dropped: {drops_text(health.dropped)}")
    return line(Span(shortened("  ".join(told), width), Tone.WARN)) if told else ()


def _with_hint(error: str, hint: str, width: int) -> Line:
    """What is wrong; what to do only beside the whole of it. The bar has the attempts."""
    whole = line(Span(f"{error} - {hint}", Tone.WARN)) if hint else ()
    if whole and width_of(whole) <= width:
        return whole
    return line(Span(shortened(error, width), Tone.WARN))


def empty_hint(view: View) -> str:
    """What an empty list says: why it is empty, and what to do where that is not good news."""
    snapshot = view.shown
    if snapshot.trouble is not None:
        return snapshot.trouble.message
    if snapshot.sequence == 0:
        return "Connecting to the database …"
    if snapshot.collector is None:
        return (
            "No collector has ever written to this database. "
            "Start one: bgptui, bgptui --no-ui, or bgptui --demo to see it without a network."
        )
    health = snapshot.collector.health
    if health.feed.error:
        return _feed_error(health)
    if view.alerts.total and view.alerts.filter_text not in ("", DEFAULT_FILTER):
        return "No alert passes the filter: f changes it, an empty one shows all."
    learning = ""
    if health.learning < 1:
        share = percent(round(health.learning * 1000), 1000)
        learning = f" The detector is learning: {share} % of a day of baseline is there."
    return " ".join([f"No active alerts.{learning}", *_as_sentences(not_looked_for(health))])


def _as_sentences(texts: list[str]) -> list[str]:
    return [f"{text[0].upper()}{text[1:]}." for text in texts]


def _feed_error(health: Health) -> str:
    feed = health.feed
    attempts = f", {feed.attempts} attempts" if feed.attempts > 1 else ""
    hint = f" - {feed.hint}" if feed.hint else ""
    # Somebody who has never seen a message may want to see what it is about.
    demo = "" if feed.last_message else " `bgptui --demo` shows everything on local data."
    return f"{feed.error}{attempts}{hint}{demo}"
