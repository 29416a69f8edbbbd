"""Flags of `bgptui evaluate`."""

from pathlib import Path

from bgptui.arguments.common import Commands, add_command


def add_evaluate(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "evaluate",
        "evaluate:run",
        "judge the detector on labelled one-minute features (extra `train`)",
    )
    parser.add_argument(
        "csv",
        nargs="+",
        type=Path,
        metavar="CSV|DIR",
        help="as for score, with a column label (1 in an anomaly); a folder stands for its "
        ".csv and .csv.gz files",
    )
    parser.add_argument(
        "--leave-one-event-out",
        action="store_true",
        help="judge each event by a model trained on all the others (minutes each); streams "
        "that overlap in time are of one event",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of injected faults and thinned traffic (default: 0)"
    )
    parser.add_argument(
        "--plots",
        type=Path,
        metavar="DIR",
        help="a picture of each stream's scores over time (extra `plots`)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
