"""Flags of `bgptui db`."""

from bgptui.arguments.common import Commands, add_command


def add_db(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("db", help="the database", description="the database")
    acts = parser.add_subparsers(title="acts", metavar="ACT", required=True)
    add_command(acts, "init", "db:init", "create or migrate the schema and verify each object")
    add_command(
        acts,
        "upgrade",
        "db:upgrade",
        "bring the schema of an earlier release up to date; no collector may run",
    )
    status = add_command(
        acts, "status", "db:status", "engine, sizes, chunks, compression, policies, row counts"
    )
    status.add_argument("--json", action="store_true")
    add_command(acts, "sample-data", "db:sample_data", "write realistic sample rows to every table")
    add_command(acts, "maintain", "db:maintenance", "make partitions ahead, drop what expired")
