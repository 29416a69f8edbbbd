"""Flags of `bgptui score`."""

from pathlib import Path

from bgptui.arguments.common import Commands, add_command


def add_score(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "score", "score:run", "scores of one stream of one-minute features, as CSV"
    )
    parser.add_argument(
        "csv",
        type=Path,
        metavar="CSV",
        help="header: epoch or timestamp, and the nine features; plain or .gz",
    )
