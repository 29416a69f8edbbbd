"""`bgptui alerts`: the console's acts for scripts and for people without a console."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from bgptui import app
from bgptui.commands.settings import load_settings
from bgptui.domain.alert import Alert, AlertChange, Change, Severity, Status
from bgptui.domain.alert_json import alert_line, alert_text, iso_utc, printable
from bgptui.errors import UsageError
from bgptui.store import alerts
from bgptui.store.connect import CONSOLE, Connection
from bgptui.store.readers import read_alert_detail


def list_alerts(args: argparse.Namespace) -> int:
    """Alerts, latest opening first; a line each."""
    statuses = (Status(args.status),) if args.status else ()
    severities = (Severity(args.severity),) if args.severity else ()
    with _connection(args) as (connection, _):
        found = alerts.list_alerts(
            connection, statuses=statuses, severities=severities, limit=args.limit
        )
    for alert in found:
        print(_line(alert) if args.json else _text(alert))
    return 0


def show(args: argparse.Namespace) -> int:
    """One alert with its evidence and history."""
    with _connection(args) as (connection, _):
        alert = alerts.load_alert(connection, args.id)
        detail = read_alert_detail(connection, args.id)
    if args.json:
        print(_line(alert))
        return 0
    print(_text(alert))
    print(f"  {printable(alert.description)}")
    for fact in alert.evidence:
        values = {name: value for name, value in fact.items() if name != "kind"}
        print(f"  {fact.get('kind', 'fact'):<11}{printable(msgspec.json.encode(values).decode())}")
    for event in detail.history if detail is not None else ():
        note = f": {printable(event.note)}" if event.note else ""
        act = "note" if event.from_status is event.to_status else event.to_status.value
        print(f"  {iso_utc(event.timestamp)} {act} by {printable(event.operator)}{note}")
    return 0


def ack(args: argparse.Namespace) -> int:
    return _change(args, Status.ACKNOWLEDGED)


def false_positive(args: argparse.Namespace) -> int:
    return _change(args, Status.FALSE_POSITIVE)


def resolve(args: argparse.Namespace) -> int:
    return _change(args, Status.RESOLVED)


def note(args: argparse.Namespace) -> int:
    """Add a note to an alert's history."""
    if not args.text.strip():
        raise UsageError("alerts note: the text is empty")
    with _connection(args) as (connection, operator):
        alerts.add_note(connection, args.id, operator, args.text)
        alert = alerts.load_alert(connection, args.id)
    print(_line(alert) if args.json else _text(alert))
    return 0


def _change(args: argparse.Namespace, status: Status) -> int:
    with _connection(args) as (connection, operator):
        before = alerts.load_alert(connection, args.id).status
        alerts.update_alert_status(connection, args.id, status, operator, args.note)
        if before is status and args.note:  # no change of status that could carry it
            alerts.add_note(connection, args.id, operator, args.note)
        alert = alerts.load_alert(connection, args.id)
    print(_line(alert) if args.json else _text(alert))
    return 0


@contextmanager
def _connection(args: argparse.Namespace) -> Iterator[tuple[Connection, str]]:
    """A connection, and in whose name it acts."""
    config = load_settings(args).config
    operator = getattr(args, "operator", None) or app.operator_name(config)
    with (
        app.existing_database(config) as database,
        database.connect(application_name=CONSOLE) as connection,
    ):
        yield connection, operator


def as_change(alert: Alert) -> AlertChange:
    """What last happened to it, for the line that replay and webhooks write, too."""
    if alert.status is Status.RESOLVED:
        return AlertChange(Change.RESOLVE, alert)
    return AlertChange(Change.OPEN if alert.status is Status.OPEN else Change.UPDATE, alert)


def _line(alert: Alert) -> str:
    return alert_line(as_change(alert))


def _text(alert: Alert) -> str:
    return f"{alert.alert_id:>6} {alert.status.value:<14} {alert_text(as_change(alert))}"
