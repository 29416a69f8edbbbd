"""The health of the pipeline: one line, or a panel where there is room."""

from bgptui.domain.health import Health, ProcessHealth, RpkiHealth, StageHealth, StageState
from bgptui.tui.lines import Line, Piece, Span, Tone, line, pack, shortened
from bgptui.tui.present.figures import DAY_S, age, count, moment, percent, size

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
    pieces = [Piece(2, _rpki(health.rpki, health.now))]
    if health.watched_prefixes == 0:
        pieces.append(Piece(2, line(Span("no watchlist", Tone.WARN))))
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
    """The same at length: a line a stage, RPKI, losses by reason; at most `rows` lines."""
    if health is None:
        return [health_line(None, width)]
    lines = [line(Span("PIPELINE", Tone.HEADING), f"  {_summary(health)}")]
    lines += _feed_lines(health, width)
    lines += [_process_line(process, width) for process in health.processes]
    lines += [_stage_line(stage) for stage in health.stages]
    if health.rpki.state != "off":
        lines += _rpki_lines(health.rpki, health.now, width)
    lines += [line(Span(text, Tone.WARN)) for text in (*not_looked_for(health), *health.drift)]
    if health.dropped:
        lines.append(pack([*_drops_by_reason(health.dropped)], width))
    lines.append(pack([Piece(0, _disk(health)), Piece(1, _learning(health))], width))
    if health.model_version:
        lines.append(line(f"model      {health.model_version}"))
    return lines[:rows]


def not_looked_for(health: Health) -> list[str]:
    """What this collector does not do for want of data, and the setting that would give it."""
    texts = []
    if health.watched_prefixes == 0:
        texts.append("no watchlist: hijacks of your prefixes not looked for (watch.file)")
    if health.rpki.state == "off":
        texts.append("no VRPs: origins are not validated (rpki.vrps)")
    return texts


def _summary(health: Health) -> str:
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
    """Collectors that are away and peers that are quiet; nothing where all are heard."""
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


def _stage_line(stage: StageHealth) -> Line:
    state = Span(f"{stage.state.value.upper():<5}", _TONE[stage.state])
    queue = f"{stage.depth}/{stage.capacity}" if stage.capacity else ""
    return line(f"{stage.name:<10}", state, f" {queue:>9} {stage.busy_s:7.2f}s  {stage.detail}")


def _process_line(process: ProcessHealth, width: int) -> Line:
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


def _rpki(rpki: RpkiHealth, now: float) -> Line:
    """Announced prefixes by what validation said of them, and the age of the data behind it."""
    if rpki.state == "off":
        return line(Span("RPKI off", Tone.FAINT))
    spans = [
        Span(f"RPKI v{count(rpki.valid)} i{count(rpki.invalid)} nf{count(rpki.not_found)} "),
    ]
    if rpki.unavailable:
        spans.append(Span(f"na{count(rpki.unavailable)} ", Tone.WARN))
    return (*spans, _vrps(rpki, now))


def _rpki_lines(rpki: RpkiHealth, now: float, width: int) -> list[Line]:
    state = _vrps(rpki, now)
    head = f"  {count(rpki.vrps)} VRPs  "
    room = max(width - 11 - len(state.text) - len(head), 0)
    verdicts = _verdicts(rpki, ("valid", "invalid", "not found", "no verdict"))
    if len(verdicts) > width:
        verdicts = _verdicts(rpki, ("v", "i", "nf", "na"))
    return [
        line("RPKI       ", state, head, shortened(rpki.error or rpki.source, room)),
        line(verdicts),
    ]


def _verdicts(rpki: RpkiHealth, names: tuple[str, str, str, str]) -> str:
    """Announced prefixes by verdict, each with its share; the last only where there are any."""
    numbers = (rpki.valid, rpki.invalid, rpki.not_found, rpki.unavailable)
    parts = [
        f"{name} {count(number)} {percent(number, sum(numbers))}%"
        for name, number in zip(names, numbers, strict=True)
        if number or name != names[-1]
    ]
    return "  " + "  ".join(parts)


def _vrps(rpki: RpkiHealth, now: float) -> Span:
    """`vrp 3m`: the age of the data; what is wrong with it in words."""
    if rpki.state in ("off", "loading", "error"):
        return Span(f"vrp {rpki.state}", Tone.BAD if rpki.state == "error" else Tone.WARN)
    if rpki.as_of is None:
        text = "vrp undated"
    elif rpki.as_of > now + DAY_S:
        # A replay of the past with data of a later day.
        text = f"vrp of {moment(rpki.as_of)[:10]}"
    else:
        text = f"vrp {age(now - rpki.as_of)}"
    if rpki.state == "stale":
        return Span(f"{text} STALE", Tone.WARN)
    return Span(text, Tone.WARN if rpki.error else Tone.PLAIN)


def _drops(dropped: dict[str, int]) -> Line:
    return line(Span(f"drops {count(sum(dropped.values()))}", Tone.WARN))


def drops_text(dropped: dict[str, int]) -> str:
    """Losses by reason, the most first."""
    return ", ".join(f"{name} {count(lost)}" for name, lost in _worst_first(dropped))


def _drops_by_reason(dropped: dict[str, int]) -> list[Piece]:
    parts = [line(f"{name} {count(lost)}") for name, lost in _worst_first(dropped)]
    return [Piece(at, part) for at, part in enumerate([_drops(dropped), *parts])]


def _worst_first(dropped: dict[str, int]) -> list[tuple[str, int]]:
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
