"""Flags of every command, and how a command is added."""

import argparse
from enum import Enum, auto
from pathlib import Path
from typing import TypeAlias

# Where commands, or the acts of one, are added; argparse has no public name for it.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


class Database(Enum):
    """Whether a command has a use for one."""

    USED = auto()
    UNUSED = auto()


def add_common(
    parser: argparse.ArgumentParser, *, nested: str = "", database: Database = Database.USED
) -> None:
    """Flags of every command. In a subcommand they must not reset what stood before it."""
    default = argparse.SUPPRESS if nested else None
    parser.add_argument(
        "--config", type=Path, metavar="FILE", default=default, help="settings file"
    )
    parser.add_argument(
        "--set",
        action="append",
        metavar="SECTION.KEY=VALUE",
        default=default,
        help="one setting, before environment and file; may be repeated",
    )
    if database is Database.USED:
        parser.add_argument(
            "--dsn",
            default=default,
            help="PostgreSQL or TimescaleDB to use instead of the embedded one (store.dsn); "
            "passwords belong in PGPASSFILE or PGPASSWORD",
        )
    parser.add_argument(
        "--debug",
        action="store_true",
        default=argparse.SUPPRESS if nested else False,
        help="show tracebacks and debug log lines",
    )


def add_command(
    commands: Commands,
    name: str,
    run: str,
    text: str,
    *,
    database: Database = Database.USED,
) -> argparse.ArgumentParser:
    """Add a command with the flags of every command.

    Args:
        run: `module:function` in bgptui/commands/, loaded when the command runs.
        text: what it does, for --help.
    """
    parser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(command=run)
    add_common(parser, nested=name, database=database)
    return parser
