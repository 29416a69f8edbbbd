"""Flags of `bgptui alerts`."""

import argparse

from bgptui.arguments.common import Commands, add_command
from bgptui.arguments.values import count


def add_alerts(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands, "alerts", "alerts:list_alerts", "list alerts, show one, or change its status"
    )
    _add_filters(parser)
    acts = parser.add_subparsers(title="acts", metavar="ACT")
    listing = add_command(acts, "list", "alerts:list_alerts", "alerts, newest first")
    _add_filters(listing)
    for name, text in (
        ("show", "one alert with its evidence and history"),
        ("ack", "acknowledge"),
        ("false-positive", "mark as false positive"),
        ("resolve", "resolve"),
        ("note", "add a note"),
    ):
        act = add_command(acts, name, f"alerts:{name.replace('-', '_')}", text)
        act.add_argument("id", type=int, metavar="ID")
        if name == "note":
            act.add_argument("text", metavar="TEXT")
        elif name != "show":
            act.add_argument("--note", metavar="TEXT", help="why")
        if name != "show":
            act.add_argument("--operator", help="who acts (default: console.operator, or you)")
        act.add_argument("--json", action="store_true", default=argparse.SUPPRESS)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--status", choices=("open", "acknowledged", "resolved", "false_positive"))
    parser.add_argument("--severity", choices=("critical", "high", "medium", "low"))
    parser.add_argument("--limit", type=count, default=100, metavar="N")
    parser.add_argument("--json", action="store_true", help="one JSON line an alert")
