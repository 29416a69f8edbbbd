"""The health of the pipeline: one line, or a panel where there is room."""

from bgptui.domain.health import Health, ProcessHealth, StageHealth, StageState
from bgptui.tui.lines import Line, Piece, Span, Tone, line, pack, shortened
from bgptui.tui.present.figures import age, count, moment, percent, size
from bgptui.tui.present.rpki_health import rpki_lines, rpki_piece

_TONE = {
    StageState.OK: Tone.GOOD,
    StageState.SLOW: Tone.WARN,
    StageState.WAIT: Tone.WARN,
    StageState.FAIL: Tone.BAD,
}


def health_line(health: Health | None, width: int) -> Line:
    """RPKI, stages, losses and disk in one line; what is well is said shortly."""
    if health is None:
        return line(Span("no collector has written its health to this database yet", Tone.FAINT))
    pieces = [Piece(2, rpki_piece(health.rpki, health.now))]
    if health.watched_prefixes == 0:
        pieces.append(Piece(2, line(Span("no watchlist", Tone.WARN))))
    if health.watch.error:
        pieces.append(Piece(1, line(Span("old watchlist", Tone.WARN))))
    if health.drift:
        pieces.append(Piece(2, line(Span("drift", Tone.WARN))))
    if health.stages:
        pieces.append(Piece(1, _stages(health.stages)))
    if health.dropped:
        pieces.append(Piece(0, _drops(health.dropped)))
    if health.learning < 1:
        pieces.append(Piece(4, _learning(health)))
    if health.disk_free_bytes is not None:
        pieces.append(Piece(3, _disk_left(health)))
    return pack(pieces, width)


def pipeline_panel(health: Health | None, *, width: int, rows: int) -> list[Line]:
    """The same at length, at most `rows` lines: where these are few, stages that do well share
    one."""
    if health is None:
        return [health_line(None, width)]
    lines = _panel(health, width, [stage_line(stage) for stage in health.stages])
    if len(lines) > rows:
        lines = _panel(health, width, _stages_in_short(health.stages))
    return lines[:rows]


def _panel(health: Health, width: int, stages: list[Line]) -> list[Line]:
    lines = [line(Span("PIPELINE", Tone.HEADING), f"  {summary(health)}")]
    lines += _feed_lines(health, width)
    lines += [process_line(process, width) for process in health.processes]
    lines += stages
    if health.rpki.state != "off":
        lines += rpki_lines(health.rpki, health.now, width)
    lines += [line(Span(shortened(text, width), Tone.WARN)) for text in troubles(health)]
    if health.dropped:
        lines.append(pack([*_drops_by_reason(health.dropped)], width))
    lines.append(pack([Piece(0, _disk(health)), Piece(1, _learning(health))], width))
    if health.model_version:
        lines.append(line(f"model      {health.model_version}"))
    return lines


def not_looked_for(health: Health) -> list[str]:
    """What this collector does not do for want of data, and the setting that would give it."""
    texts = []
    if health.watched_prefixes == 0:
        texts.append("no watchlist: hijacks of your prefixes not looked for (watch.file)")
    if health.rpki.state == "off":
        texts.append("no VRPs: origins are not validated (rpki.vrps)")
    return texts


def watchlist_trouble(health: Health) -> list[str]:
    """That the watchlist's file as it is now was refused, since when the old one is in force, and
    what is wrong."""
    watch = health.watch
    if not watch.error:
        return []
    since = "" if watch.since is None else f" of {moment(watch.since)}"
    return [f"watchlist{since} stays in force: {watch.error}"]


def troubles(health: Health) -> tuple[str, ...]:
    """What a person should put right, each with its remedy."""
    return (*watchlist_trouble(health), *not_looked_for(health), *health.drift)


def summary(health: Health) -> str:
    watched = f", {health.watched_prefixes} watched" if health.watched_prefixes else ""
    return f"{count(health.messages)} messages, {health.peers} peers{watched}{_oldest(health)}"


def _oldest(health: Health) -> str:
    """The collector heard longest ago, of those that are not away."""
    here = [each for each in health.freshness if each.gap_since is None]
    if not here:
        return ""
    oldest = min(here, key=lambda each: each.last_message)
    return f", {oldest.name} heard {age(health.now - oldest.last_message)} ago"


def _feed_lines(health: Health, width: int) -> list[Line]:
    """Collectors that are away, peers that are quiet and those whose word weighs less; nothing
    where there are none."""
    lines: list[Line] = []
    away = [
        line(Span(f"{each.name} {each.gap_reason} {age(health.now - each.gap_since)}", Tone.BAD))
        for each in health.freshness
        if each.gap_since is not None
    ]
    if away:
        lines.append(_listed("away", away, width))
    if health.quiet_peers:
        total = sum(each.quiet_peers for each in health.freshness)
        peers = [
            line(f"{peer.address} {peer.collector} {age(health.now - peer.last_message)}")
            for peer in health.quiet_peers
        ]
        lines.append(_listed("quiet", [line(Span(f"{total} peers", Tone.WARN)), *peers], width))
    if health.doubted_peers:
        doubted = [line(f"{each.address} {each.collector} {each.doubt}") for each in health.doubted]
        number = line(Span(f"{health.doubted_peers} peers", Tone.WARN))
        lines.append(_listed("in doubt", [number, *doubted], width))
    return lines


def _listed(name: str, parts: list[Line], width: int) -> Line:
    pieces = [Piece(at, part) for at, part in enumerate([line(f"{name:<9}"), *parts])]
    return pack(pieces, width)


def _stages(stages: tuple[StageHealth, ...]) -> Line:
    """All by name where all do well; else those that do not, and how many do."""
    bad = [stage for stage in stages if stage.state is not StageState.OK]
    if not bad:
        return line(" ".join(stage.name for stage in stages) + " ", Span("ok", Tone.GOOD))
    spans = [span for stage in bad for span in (*_trouble(stage), Span("  "))]
    return (*spans, Span(f"{len(stages) - len(bad)} ok"))


def _trouble(stage: StageHealth) -> Line:
    state = Span(stage.state.value.upper(), _TONE[stage.state])
    late = f" {stage.busy_s:.1f}s" if stage.state is StageState.SLOW else ""
    return (Span(f"{stage.name} "), state, Span(late))


def _stages_in_short(stages: tuple[StageHealth, ...]) -> list[Line]:
    """A line each for those that do not do well, one for the others."""
    well = [stage.name for stage in stages if stage.state is StageState.OK]
    lines = [stage_line(stage) for stage in stages if stage.state is not StageState.OK]
    if well:
        lines.append(line(Span("ok", Tone.GOOD), f"         {' '.join(well)}"))
    return lines


def stage_line(stage: StageHealth) -> Line:
    state = Span(f"{stage.state.value.upper():<5}", _TONE[stage.state])
    queue = f"{stage.depth}/{stage.capacity}" if stage.capacity else ""
    return line(f"{stage.name:<10}", state, f" {queue:>9} {stage.busy_s:7.2f}s  {stage.detail}")


def process_line(process: ProcessHealth, width: int) -> Line:
    """One of several processes: how old its word is, what it does, what it holds."""
    state = "SILENT" if process.is_stale else process.feed_state.upper()
    tone = Tone.BAD if process.is_stale else Tone.GOOD if state == "LIVE" else Tone.WARN
    rate = (
        f" {count(process.rate_per_s):>5}/s " if not process.is_stale else f" {age(process.age_s)} "
    )
    hosts = " ".join(process.hosts) or "no collector"
    task = "  correlates" if process.correlates else ""
    head = f"{process.name:<16} "
    room = max(width - len(head) - len(state) - len(rate), 0)
    return line(head, Span(state, tone), rate, shortened(f"{hosts}{task}", room))


def _drops(dropped: dict[str, int]) -> Line:
    return line(Span(f"drops {count(sum(dropped.values()))}", Tone.WARN))


def drops_text(dropped: dict[str, int]) -> str:
    """Losses by reason, the most first."""
    return ", ".join(f"{name} {count(lost)}" for name, lost in worst_first(dropped))


def _drops_by_reason(dropped: dict[str, int]) -> list[Piece]:
    parts = [line(f"{name} {count(lost)}") for name, lost in worst_first(dropped)]
    return [Piece(at, part) for at, part in enumerate([_drops(dropped), *parts])]


def worst_first(dropped: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(dropped.items(), key=lambda item: (-item[1], item[0]))


def _learning(health: Health) -> Line:
    if health.learning >= 1:
        return line("baseline complete")
    return line(Span(f"learning {percent(round(health.learning * 1000), 1000)}%", Tone.WARN))


def _disk(health: Health) -> Line:
    if health.disk_free_bytes is None:
        return line(Span("disk ?", Tone.FAINT))
    left = f"disk {size(health.disk_free_bytes)}"
    if health.disk_hours_left is None:
        return line(f"{left} free")
    return line(f"{left} free, ", _time_left(health.disk_hours_left))


def _disk_left(health: Health) -> Line:
    """The same shortly: how long it lasts, else how much there is."""
    if health.disk_hours_left is None:
        return _disk(health)
    return line("disk ", _time_left(health.disk_hours_left))


def _time_left(hours: float) -> Span:
    """`27h left`: until the disk is full; minutes only where they matter."""
    text = f"{hours:.0f}h" if 2 <= hours < 48 else age(hours * 3600)
    return Span(f"{text} left", Tone.WARN if hours < 24 else Tone.PLAIN)
