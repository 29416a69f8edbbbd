"""Flags of `bgptui record`."""

import argparse

from bgptui.arguments.common import Commands, Database, add_command
from bgptui.arguments.values import count, duration_s


def add_record(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "record",
        "record:run",
        "write what the feed brings into a recording, for replay and serve-recording; needs no "
        "database",
        database=Database.UNUSED,
    )
    parser.add_argument(
        "file",
        metavar="FILE",
        help="zstd-compressed JSON lines, e.g. incident.jsonl.zst; a full one, or one that is "
        "there already, steps aside as incident.000001.jsonl.zst, incident.000002...",
    )
    parser.add_argument(
        "--max-size",
        type=count,
        default=1_024,
        metavar="MIB",
        help="of one file, compressed; about an hour of the whole feed at 1024 (default)",
    )
    parser.add_argument(
        "--keep", type=count, metavar="N", help="newest files to keep (default: all of them)"
    )
    parser.add_argument(
        "--for", dest="duration", type=duration_s, metavar="DURATION", help="e.g. 90s, 15m, 2h"
    )
    parser.add_argument(
        "--url", default=argparse.SUPPRESS, help="RIS Live WebSocket address (feed.url)"
    )
    parser.add_argument(
        "--log-format",
        choices=("text", "json"),
        default=argparse.SUPPRESS,
        help="format of log lines",
    )
