"""The detector on labelled incidents, as docs/detector-results.md.

    python -m benchmarks.detector ../shared/data/incidents > docs/detector-results.md

First each event by a model that was trained on the others, on the streams whose features are all
as bgptui counts them, and one that has no incident; then the shipped model on every file.
"""

import argparse
import sys
from pathlib import Path

from bgptui.cli import main as bgptui

_HEADER = """# The detector on labelled incidents

Written by `python -m benchmarks.detector`. Minutes of RIPE NCC RIS: peers of one collector
summed (`ufam_*`, made with ufam-lia/bgp-feature-extractor), and the CyberDefense set of Simon
Fraser University (`sfu_*`, path lengths rounded to hops, flaps by proxy).
[detector.md](detector.md) says what each column means.
"""


def main() -> int:
    """Write the document to stdout; progress goes to stderr."""
    parser = argparse.ArgumentParser(prog="benchmarks.detector")
    parser.add_argument("incidents", type=Path, metavar="DIR")
    folder = parser.parse_args().incidents
    core = [*sorted(folder.glob("ufam_*.csv.gz")), folder / "sfu_RIPE_regular.csv.gz"]
    print(_HEADER)
    _section("Each event by a model that never saw it", "--leave-one-event-out", *map(str, core))
    _section("The shipped model, on every file", str(folder))
    return 0


def _section(title: str, *arguments: str) -> None:
    print(f"## {title}\n\n```text", flush=True)
    code = bgptui(["evaluate", *arguments])
    if code:
        raise SystemExit(code)
    print("```\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
