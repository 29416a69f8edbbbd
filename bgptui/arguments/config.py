"""Flags of `bgptui config`."""

from bgptui.arguments.common import Commands, add_command


def add_config(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("config", help="settings", description="settings")
    acts = parser.add_subparsers(title="acts", metavar="ACT", required=True)
    show = add_command(
        acts, "show", "config:show", "every setting, its value and where it came from"
    )
    show.add_argument("--json", action="store_true")
