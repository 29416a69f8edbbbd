"""Flags of `bgptui rpki`."""

from bgptui.arguments.common import Commands, add_command
from bgptui.arguments.vrp_sources import add_vrp_sources


def add_rpki(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "rpki",
        help="validate routes and paths; the state of the sources",
        description="validate routes and paths; the state of the sources",
    )
    acts = parser.add_subparsers(title="acts", metavar="ACT", required=True)
    validate = add_command(
        acts,
        "validate",
        "rpki:validate",
        'origin validation (RFC 6811) of one route, or of JSON lines {"prefix", "origin"} on '
        "standard input",
    )
    validate.add_argument("prefix", nargs="?", metavar="PREFIX")
    validate.add_argument("asn", nargs="?", metavar="ASN", help="its origin")
    aspa = add_command(
        acts,
        "aspa",
        "rpki:aspa",
        'ASPA verification of one AS path, or of JSON lines {"path", "direction"} on standard '
        "input",
    )
    aspa.add_argument(
        "path", nargs="*", metavar="AS", help="neighbour first, origin last; {1,2} is an AS_SET"
    )
    aspa.add_argument(
        "--direction",
        choices=("downstream", "upstream"),
        default="downstream",
        help="upstream: from a customer, lateral peer or route server (default: downstream)",
    )
    status = add_command(acts, "status", "rpki:status", "each source: state, size and age")
    for act in (validate, aspa, status):
        add_vrp_sources(act)
        act.add_argument("--json", action="store_true", help="one JSON line")
