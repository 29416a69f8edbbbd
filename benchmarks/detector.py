"""The detector on labelled incidents, as docs/detector-results.md.

    python -m benchmarks.detector ../shared/data/incidents > docs/detector-results.md

First each event by a model that was trained on the others, at the default thresholds and at a lower
one for bursts; then the shipped model. Both by `bgptui evaluate --json`.
"""

import argparse
import contextlib
import io
import sys
from pathlib import Path

import msgspec
from msgspec.structs import replace

from bgptui.cli import main as bgptui
from bgptui.detect.evaluation_report import report, target_lines
from bgptui.detect.evaluation_results import Evaluation, summarise

_HEADER = """# The detector on labelled incidents

Written by `python -m benchmarks.detector`. Minutes of RIPE NCC RIS: peers of one collector
summed (`ufam_*`, made with ufam-lia/bgp-feature-extractor), and the CyberDefense set of Simon
Fraser University (`sfu_*`, path lengths rounded to hops, flaps by proxy): four of the same events
as other peers saw them, and `sfu_RIPE_regular`, days without an incident. Streams of one event
leave the training together. [detector.md](detector.md) says what each column means.
"""
_LEAVE_OUT = "--leave-one-event-out"
_LOW_BURST = "detect.burst_alone=0.3"


def main() -> int:
    """Write the document to stdout; progress goes to stderr."""
    parser = argparse.ArgumentParser(prog="benchmarks.detector")
    parser.add_argument("incidents", type=Path, metavar="DIR")
    folder = str(parser.parse_args().incidents)
    print(_HEADER)
    unseen = _evaluated(_LEAVE_OUT, folder)
    _section("Each event by a model that never saw it", report(unseen))
    _section("The same, judged on one stream an event and the one without", _core_targets(unseen))
    _section(
        f"The same with `{_LOW_BURST}`", report(_evaluated(_LEAVE_OUT, "--set", _LOW_BURST, folder))
    )
    _section("The shipped model", report(_evaluated(folder)))
    return 0


def _evaluated(*arguments: str) -> Evaluation:
    """What `bgptui evaluate --json` says."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        code = bgptui(["evaluate", "--json", *arguments])
    if code:
        raise SystemExit(code)
    return msgspec.json.decode(output.getvalue(), type=Evaluation)


def _core_targets(evaluation: Evaluation) -> str:
    streams = tuple(
        stream
        for stream in evaluation.streams
        if stream.name.startswith("ufam_") or stream.name == "sfu_RIPE_regular"
    )
    core = replace(
        evaluation,
        streams=streams,
        ensemble=summarise([stream.ensemble for stream in streams]),
        ewma=summarise([stream.ewma for stream in streams]),
    )
    return "\n".join(target_lines(core))


def _section(title: str, text: str) -> None:
    print(f"## {title}\n\n```text\n{text}\n```\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
