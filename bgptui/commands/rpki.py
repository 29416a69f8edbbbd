"""`bgptui rpki`: origin and path validation for people and scripts."""

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import Struct

from bgptui.commands.vrp_sources import NOTHING, ageing_of, loaded_vrps
from bgptui.domain.alert_json import iso_utc, printable
from bgptui.domain.aspa import PathVerification
from bgptui.domain.prefix import format_prefix, parse_prefix
from bgptui.domain.routing import AsPath
from bgptui.domain.rpki import OriginValidation, RpkiState
from bgptui.errors import BadInput, ServiceUnreachable, UsageError
from bgptui.rpki.aspa_verification import Direction
from bgptui.rpki.source import Ageing, SourceStatus
from bgptui.rpki.validator import Validator
from bgptui.rpki.vrp_json import as_number
from bgptui.rpki.vrp_set import MAX_ASN

_RAMPS = ("max_up", "min_up", "max_down", "min_down")

Line = dict[str, Any]


class _Route(Struct):
    prefix: str
    origin: int | str | None


class _Path(Struct):
    path: list[int | str | list[int | str]]
    direction: Direction | None = None


def validate(args: argparse.Namespace) -> int:
    """One route, or one for each line of standard input."""
    if (args.prefix is None) != (args.asn is None):
        raise UsageError("rpki validate: name a prefix and an AS, or neither for JSON lines")
    route = None
    if args.prefix is not None:
        route = _given(lambda: (_canonical(args.prefix), _asn(args.asn)))
    with loaded_vrps(args) as vrps:
        if route is None:
            return _answer_lines(_Route, lambda asked: _route_line(vrps, asked))
        prefix, origin = route
        got, statuses = vrps.validate(prefix, origin), vrps.statuses()
    if args.json:
        _print_json(_validation_line(prefix, origin, got))
    else:
        print(f"{prefix} AS{origin}: {got.state}" + (f" ({got.reason})" if got.reason else ""))
        for vrp in got.covering:
            anchor = f" ({printable(vrp.trust_anchor)})" if vrp.trust_anchor else ""
            print(f"  {vrp.prefix} up to /{vrp.max_length} AS{vrp.asn}{anchor}")
        print(f"  {_provenance(got)}")
        if got.state is RpkiState.UNAVAILABLE:
            _print_why_unavailable(statuses)
    return 0


def aspa(args: argparse.Namespace) -> int:
    """One path, or one for each line of standard input."""
    direction = Direction(args.direction)
    path = _given(lambda: _path_of_text(" ".join(args.path))) if args.path else None
    with loaded_vrps(args) as vrps:
        if path is None:
            return _answer_lines(_Path, lambda asked: _path_line(vrps, asked, direction))
        got, statuses = vrps.verify_path(path, direction), vrps.statuses()
    if args.json:
        _print_json(_verification_line(got))
        return 0
    if got is None:
        print("unavailable")
        _print_why_unavailable(statuses)
        return 0
    print(f"{got.state} ({direction})" + (f": {got.reason}" if got.reason else ""))
    for hop in got.failing_hops:
        print(f"  AS{hop.customer} does not name AS{hop.provider} as its provider")
    for customer, providers in got.aspas_used:
        print(f"  AS{customer}'s providers: {', '.join(f'AS{asn}' for asn in providers)}")
    print(
        f"  up-ramp {got.min_up} attested, {got.max_up} possible; "
        f"down-ramp {got.min_down} attested, {got.max_down} possible"
    )
    return 0


def status(args: argparse.Namespace) -> int:
    """Each source: state, size and age; 3 where none of them has anything."""
    with loaded_vrps(args, must_be_there=False) as vrps:
        statuses, has_any = vrps.statuses(), vrps.health().state not in NOTHING
    now = time.time()
    for source in statuses:
        if args.json:
            _print_json(msgspec.to_builtins(source) | {"as_of": _iso(source.as_of)})
            continue
        built = "" if source.as_of is None else f", as of {iso_utc(source.as_of)}"
        if built and ageing_of(args) is Ageing.BY_CLOCK and source.as_of is not None:
            built += f" ({timedelta(seconds=max(0, round(now - source.as_of)))} ago)"
        print(f"{printable(source.name)}: {source.state}{built}")
        print(f"  {source.vrps:,} VRPs, {source.aspas:,} ASPAs")
        for more in (source.detail, source.error):
            if more:
                print(f"  {printable(more)}")
    return 0 if has_any else ServiceUnreachable.exit_code


def _print_why_unavailable(statuses: Iterable[SourceStatus]) -> None:
    """Without it nobody knows whether to wait, or what to repair."""
    for source in statuses:
        why = f": {source.error}" if source.error else ""
        print(f"  {printable(f'{source.name} is {source.state}{why}')}")


def _answer_lines(kind: type[Any], answer: Callable[[Any], Line]) -> int:
    """Answer each JSON line of standard input with one, at once; 1 where one could not be."""
    if sys.stdin.isatty():
        print("JSON lines, please; Ctrl-D ends them", file=sys.stderr)
    decoder, failed = msgspec.json.Decoder(kind), 0
    for number, line in enumerate(sys.stdin.buffer, start=1):
        if not line.strip():
            continue
        try:
            _print_json(answer(decoder.decode(line)))
        except (msgspec.DecodeError, UnicodeDecodeError, BadInput) as error:
            failed = 1
            _print_json({"error": str(error), "line": number})
    return failed


def _route_line(vrps: Validator, asked: _Route) -> Line:
    prefix = _canonical(asked.prefix)
    origin = None if asked.origin is None else _asn(asked.origin)
    return _validation_line(prefix, origin, vrps.validate(prefix, origin))


def _validation_line(prefix: str, origin: int | None, got: OriginValidation) -> Line:
    return {
        "prefix": prefix,
        "origin": origin,
        "state": got.state,
        "reason": got.reason,
        "vrps": msgspec.to_builtins(got.covering[:]),
        "source": got.source,
        "as_of": _iso(got.as_of),
    }


def _path_line(vrps: Validator, asked: _Path, default: Direction) -> Line:
    path = tuple(
        tuple(map(_asn, hop)) if isinstance(hop, list) else _asn(hop) for hop in asked.path
    )
    return _verification_line(vrps.verify_path(path, asked.direction or default))


def _verification_line(got: PathVerification | None) -> Line:
    if got is None:
        return {"state": "unavailable", "failing_hop": None}
    hops = msgspec.to_builtins(got.failing_hops)
    return {
        "state": got.state,
        "reason": got.reason or None,
        "failing_hop": hops[0] if hops else None,
        "failing_hops": hops,
        "ramps": {name: getattr(got, name) for name in _RAMPS},
    }


def _path_of_text(text: str) -> AsPath:
    """`64496 AS64497 {64498,64499}`: neighbour first, braces around an AS_SET."""
    hops: list[int | tuple[int, ...]] = []
    for word in text.replace(", ", ",").split():
        if word.startswith("{") and word.endswith("}"):
            hops.append(tuple(map(_asn, word[1:-1].split(","))))
        else:
            hops.append(_asn(word))
    return tuple(hops)


def _canonical(prefix: str) -> str:
    return format_prefix(*parse_prefix(prefix))


def _asn(value: int | str) -> int:
    asn = value if isinstance(value, int) else as_number(value)
    if not 0 <= asn <= MAX_ASN:
        raise BadInput(f"{asn} is not an AS number", reason="bad_asn")
    return asn


def _given(read: Callable[[], Any]) -> Any:
    """What the command line names; what is wrong in it is wrong usage."""
    try:
        return read()
    except BadInput as error:
        raise UsageError(str(error)) from None


def _provenance(got: OriginValidation) -> str:
    built = "" if got.as_of is None else f" as of {iso_utc(got.as_of)}"
    return f"VRPs: {printable(got.source)}{built}"


def _iso(moment: float | None) -> str | None:
    return None if moment is None else iso_utc(moment)


def _print_json(line: Line) -> None:
    print(msgspec.json.encode(line).decode(), flush=True)
