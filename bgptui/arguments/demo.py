"""Flags of `bgptui demo`."""

from bgptui.arguments.common import Commands, add_command


def add_demo(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "demo", help="built-in scenarios", description="built-in scenarios"
    )
    acts = parser.add_subparsers(title="acts", metavar="ACT", required=True)
    add_command(acts, "list", "demo:list_scenarios", "name the scenarios of --demo")
    write = add_command(
        acts, "write", "demo:write", "a scenario as a recording, VRPs and a watchlist to replay"
    )
    write.add_argument("scenario", metavar="SCENARIO")
    write.add_argument("folder", metavar="FOLDER", help="made if it is missing")
    write.add_argument("--force", action="store_true", help="write over what is there")
