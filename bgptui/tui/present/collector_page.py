"""All that a collector says of itself, as many lines as it takes and every text in full."""

from collections.abc import Iterable, Iterator

from bgptui.domain.health import Doubt, Health, RpkiHealth
from bgptui.tui.lines import Line, Span, Tone, line, shortened, wrap
from bgptui.tui.present.figures import age, count, moment
from bgptui.tui.present.pipeline import (
    process_line,
    stage_line,
    summary,
    troubles,
    worst_first,
)
from bgptui.tui.present.rpki_health import rpki_lines, source_says

_WHY = {
    Doubt.ALONE: "mostly sees what nobody else does",
    Doubt.STUCK: "keeps routes that all others have lost",
    Doubt.SILENT: "was busy and says nothing any more",
}


def collector_page(health: Health | None, width: int) -> list[Line]:
    """Stages, what to put right, RPKI by source, peers, losses."""
    if health is None:
        return [line(Span("no collector has written its health to this database yet", Tone.FAINT))]
    lines = [_heading("PIPELINE", summary(health), width)]
    lines += [process_line(process, width) for process in health.processes]
    lines += [stage_line(stage) for stage in health.stages]
    lines += _wrapped(_told(health), width, Tone.WARN)
    lines += _watchlist(health, width)
    lines += _rpki(health.rpki, health.now, width)
    lines += _peers(health, width)
    lines += [(), _heading("LOSSES", "since the start" if health.dropped else "none", width)]
    lines += [line(f"  {count(lost):>5} {name}") for name, lost in worst_first(health.dropped)]
    return lines


def _told(health: Health) -> Iterator[str]:
    if health.feed.error:
        yield health.feed.error + (f" - {health.feed.hint}" if health.feed.hint else "")
    for stage in health.stages:
        if stage.detail and stage.detail != health.feed.error:
            yield f"{stage.name}: {stage.detail}"
    yield from troubles(health)


def _watchlist(health: Health, width: int) -> list[Line]:
    watch = health.watch
    if not watch.file:
        return []
    since = "" if watch.since is None else f", read {moment(watch.since)}"
    text = f"{watch.file}{since}; R reads it again"
    head = f"{health.watched_prefixes or 0} prefixes"
    return [(), _heading("WATCHLIST", head, width), *_wrapped([text], width, Tone.PLAIN)]


def _rpki(rpki: RpkiHealth, now: float, width: int) -> list[Line]:
    if rpki.state == "off":
        return [(), _heading("RPKI", "off", width)]
    lines: list[Line] = [(), *rpki_lines(rpki, now, width)]
    for source in rpki.sources:
        if source.detail or source.error:
            tone = Tone.BAD if source.error else Tone.PLAIN
            lines += _wrapped([source_says(source)], width, tone)
    return lines


def _peers(health: Health, width: int) -> list[Line]:
    quiet = sum(each.quiet_peers for each in health.freshness)
    head = f"{health.peers}, {quiet} quiet, the word of {health.doubted_peers} weighs less"
    told = [
        f"{peer.address} {peer.collector} AS{peer.asn} quiet {age(health.now - peer.last_message)}"
        for peer in health.quiet_peers
    ]
    told += [
        f"{each.address} {each.collector} AS{each.asn} {_WHY[each.doubt]}"
        for each in health.doubted
    ]
    return [(), _heading("PEERS", head, width), *_wrapped(told, width, Tone.WARN)]


def _heading(name: str, text: str, width: int) -> Line:
    return line(Span(name, Tone.HEADING), f"  {shortened(text, width - len(name) - 2)}")


def _wrapped(texts: Iterable[str], width: int, tone: Tone) -> list[Line]:
    return [line(Span(f"  {part}", tone)) for text in texts for part in wrap(text, width - 2)]
