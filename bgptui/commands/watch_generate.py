"""`bgptui watch generate`: a first watchlist, from what is announced and what ROAs allow."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from bgptui.commands.rib import read_ribs, rib_time
from bgptui.commands.settings import load_settings
from bgptui.commands.vrp_sources import fresh_vrps
from bgptui.domain.alert_json import iso_utc, printable
from bgptui.domain.prefix import IPV4_BITS, IPV6_BITS
from bgptui.errors import UsageError
from bgptui.routemon.census import RibCensus
from bgptui.routemon.rules import all_named
from bgptui.routemon.watchlist_draft import Draft, draft_from_rib, draft_from_vrps
from bgptui.routemon.watchlist_text import watchlist_text
from bgptui.rpki.validator import Validator
from bgptui.sources.packed_file import STDIN


def run(args: argparse.Namespace) -> int:
    """Write it to stdout or a file; what is left out stands at its end and, counted, on stderr."""
    asns = tuple(sorted(set(args.asn)))
    if not args.rib and args.vrps is None and args.rtr is None:
        raise UsageError(
            "watch generate: name a routing table (--rib), VRPs (--vrps, --rtr) or both"
        )
    _check_output(args)
    named = all_named(asns)
    heading = [f"Prefixes of {named}, by bgptui watch generate. Read it before you rely on it."]
    if args.vrps is None and args.rtr is None:
        draft = _from_rib(args, asns, heading)
    else:
        with fresh_vrps(args) as vrps:
            heading += _provenance(vrps)
            if args.rib:
                draft = _from_rib(args, asns, heading, vrps)
            else:
                draft = draft_from_vrps(asns, vrps.vrps)
    _write(args.output, draft, heading)
    if not draft.rules:
        print(f"bgptui: nothing of {named} was found", file=sys.stderr)
        return 1
    return 0


def _check_output(args: argparse.Namespace) -> None:
    """Refuse before minutes are spent on a routing table."""
    output: Path | None = args.output
    if output is None:
        return
    if output.exists() and not args.force:
        raise UsageError(f"{output}: is there already; --force writes over it")
    if not output.parent.is_dir():
        raise UsageError(f"{output}: there is no such folder")


def _from_rib(
    args: argparse.Namespace,
    asns: tuple[int, ...],
    heading: list[str],
    vrps: Validator | None = None,
) -> Draft:
    census = RibCensus(asns)
    for name in args.rib:
        census.take(read_ribs(args, [name]))
        time = rib_time(name)
        shown = "standard input" if name == STDIN else Path(name).name
        heading.append(f"Routing table: {shown}" + (f" of {time}" if time else ""))
    min_peers = args.min_peers or load_settings(args).config.watch.min_peers
    ipv4, ipv6 = census.full_feeds(IPV4_BITS), census.full_feeds(IPV6_BITS)
    heading.append(
        f"{len(census.peers)} peer ASes, with the whole table {ipv4} of IPv4 and {ipv6} of IPv6;"
        f" what fewer than {min_peers}, or than these, see is left out."
    )
    return draft_from_rib(
        asns,
        census,
        min_peers=min_peers,
        validate=None if vrps is None else vrps.validate,
        vrps=() if vrps is None else vrps.vrps(),
    )


def _provenance(vrps: Validator) -> Iterator[str]:
    for source in vrps.statuses():
        built = "" if source.as_of is None else f", built {iso_utc(source.as_of)}"
        name = source.name if "://" in source.name else Path(source.name).name
        yield f"VRPs: {name}{built}"


def _write(output: Path | None, draft: Draft, heading: list[str]) -> None:
    text = watchlist_text(
        draft.rules,
        draft.as_rules,
        heading=heading,
        comments=draft.comments,
        ending=[
            line
            for why, listed in draft.left_out.items()
            for line in (f"Left out, {why}:", *(f"  {what}" for what in listed))
        ],
    )
    if output is None:
        sys.stdout.write(text)
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{output}: cannot be written: {error.strerror}") from None
    where = "" if output is None else printable(f" in {output}")
    counts = f"{len(draft.rules):,} rules for prefixes, {len(draft.as_rules)} for ASes"
    print(counts + where, file=sys.stderr)
    for why, listed in draft.left_out.items():
        print(f"{len(listed):,} left out, {why}", file=sys.stderr)
