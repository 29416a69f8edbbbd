"""What validation goes by and what it said: shortly, or source by source."""

from bgptui.domain.health import RpkiHealth, RpkiSource
from bgptui.tui.lines import Line, Span, Tone, line, shortened
from bgptui.tui.present.figures import DAY_S, age, count, moment, percent


def rpki_piece(rpki: RpkiHealth, now: float) -> Line:
    """Announced prefixes by what validation said of them, and the age of the data behind it."""
    if rpki.state == "off":
        return line(Span("RPKI off", Tone.FAINT))
    spans = [
        Span(f"RPKI v{count(rpki.valid)} i{count(rpki.invalid)} nf{count(rpki.not_found)} "),
    ]
    if rpki.unavailable:
        spans.append(Span(f"na{count(rpki.unavailable)} ", Tone.WARN))
    return (*spans, _vrps(rpki, now))


def rpki_lines(rpki: RpkiHealth, now: float, width: int) -> list[Line]:
    """All sources together, what validation said, and each source where there are several or one
    has more to say of itself."""
    state = _vrps(rpki, now)
    head = f"  {count(rpki.vrps)} VRPs  "
    room = max(width - 11 - len(state.text) - len(head), 0)
    verdicts = _verdicts(rpki, ("valid", "invalid", "not found", "no verdict"))
    if len(verdicts) > width:
        verdicts = _verdicts(rpki, ("v", "i", "nf", "na"))
    return [
        line(
            Span("RPKI", Tone.HEADING),
            "       ",
            state,
            head,
            shortened(rpki.error or rpki.source, room),
        ),
        line(verdicts),
        *(_source_line(source, now, width) for source in rpki.sources if _says_more(rpki, source)),
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


def _says_more(rpki: RpkiHealth, source: RpkiSource) -> bool:
    return len(rpki.sources) > 1 or bool(source.detail or source.aspas)


def source_says(source: RpkiSource) -> str:
    """Its name, and what is wrong with it or else its session."""
    said = source.error or source.detail
    return said if said.startswith(source.name) else f"{source.name} {said}".rstrip()


def _source_line(source: RpkiSource, now: float, width: int) -> Line:
    """`  FRESH 3m  788k VRPs 3.1k ASPAs  rtr://... v1 session 7 serial 12`; an error goes before
    the session."""
    said = source.state.upper()
    if source.as_of is not None and source.as_of <= now + DAY_S:
        said += f" {age(now - source.as_of)}"
    aspas = f" {count(source.aspas)} ASPAs" if source.aspas else ""
    head = f"  {count(source.vrps)} VRPs{aspas}  "
    room = max(width - 2 - len(said) - len(head), 0)
    tail = source_says(source)
    bad = source.error or source.state == "error"
    tone = Tone.BAD if bad else Tone.GOOD if source.state == "fresh" else Tone.WARN
    return line("  ", Span(said, tone), head, shortened(tail, room))
