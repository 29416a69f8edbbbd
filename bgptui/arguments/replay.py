"""Flags of `bgptui replay`."""

from bgptui.arguments.common import Commands, add_command


def add_replay(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "replay",
        "replay:run",
        "run recorded input through the whole pipeline in event time",
    )
    parser.add_argument(
        "input",
        nargs="+",
        metavar="INPUT",
        help="RIS Live JSON lines or MRT, which their content tells: plain, .gz, .bz2, .zst, "
        "folders of such, or - for standard input; several files are merged by time",
    )
    parser.add_argument(
        "--rib",
        action="append",
        metavar="FILE",
        help="MRT routing table (TABLE_DUMP, TABLE_DUMP_V2): what stands in it before the first "
        "message opens no alert; may be repeated",
    )
    parser.add_argument("--speed", type=float, metavar="N", help="multiple of real time")
    parser.add_argument(
        "--vrps", metavar="FILE", help="VRPs as JSON, taken as they stand: neither expiry nor age"
    )
    parser.add_argument("--watch", metavar="FILE", help="the watchlist, TOML")
    parser.add_argument("--format", choices=("text", "jsonl"), default="text")
    parser.add_argument("--ui", action="store_true", help="show it in the console")
    parser.add_argument(
        "--keep",
        action="store_true",
        help="with --dsn: take input older than a table's retention, which the next "
        "maintenance drops",
    )
