"""Flags of `bgptui watch`."""

from bgptui.arguments.common import Commands, add_command


def add_watch(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("watch", help="the watchlist", description="the watchlist")
    acts = parser.add_subparsers(title="acts", metavar="ACT", required=True)
    listing = add_command(acts, "list", "watch:list_rules", "what is watched, a line a rule")
    listing.add_argument("--watch", metavar="FILE", help="the watchlist, TOML (watch.file)")
    listing.add_argument("--json", action="store_true")
    importing = acts.add_parser(
        "import", help="rules of another program", description="rules of another program, as TOML"
    )
    formats = importing.add_subparsers(title="formats", metavar="FORMAT", required=True)
    bgpalerter = add_command(
        formats, "bgpalerter", "watch:import_bgpalerter", "BGPalerter's prefixes.yml"
    )
    bgpalerter.add_argument("file", metavar="FILE", help="- for standard input")
