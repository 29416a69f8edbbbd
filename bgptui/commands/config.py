"""`bgptui config show`."""

import argparse

import msgspec

from bgptui.commands.settings import load_settings
from bgptui.config.show import rows, table


def show(args: argparse.Namespace) -> int:
    """Print every setting, its value and where it came from; secrets masked."""
    shown = rows(load_settings(args))
    print(msgspec.json.encode(shown).decode() if args.json else table(shown))
    return 0
