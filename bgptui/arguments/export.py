"""Flags of `bgptui export`."""

from bgptui.arguments.common import Commands, add_command
from bgptui.arguments.values import moment


def add_export(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(commands, "export", "export:run", "rows for other tools, to stdout")
    parser.add_argument("what", choices=("features", "events", "alerts", "scores"))
    parser.add_argument(
        "--since", type=moment, metavar="TIME", help="from this time on; ISO 8601, UTC"
    )
    parser.add_argument("--until", type=moment, metavar="TIME", help="before this time")
    parser.add_argument("--format", choices=("csv", "jsonl"), default="csv")
