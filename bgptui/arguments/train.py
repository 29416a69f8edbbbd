"""Flags of `bgptui train`."""

from pathlib import Path

from bgptui.arguments.common import Commands, add_command
from bgptui.arguments.values import count


def add_train(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "train",
        "train:run",
        "fit the detector's models to normal minutes of the database, or of CSV files",
    )
    parser.add_argument(
        "csv",
        nargs="*",
        type=Path,
        metavar="CSV|DIR",
        help="as for evaluate; without any, the features table is read",
    )
    parser.add_argument(
        "--to",
        type=Path,
        metavar="DIR",
        help="the model's folder (default: the one that detect.model names by its path, else "
        "one of your own); a model that is there is replaced by one that is no worse",
    )
    parser.add_argument(
        "--days", type=count, default=14, help="of the features table (default: 14)"
    )
    parser.add_argument(
        "--peers", type=count, default=60, help="of the features table, at most (default: 60)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default: 0)")
