"""Plans of the queries that the product runs, over a month of rows, as docs/query-plans.md.

    python -m benchmarks.plans > docs/query-plans.md

Times are of the second run: the first one reads from disk.
"""

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec import Struct

from benchmarks.month import DAYS, PEERS, TABLES, fill
from bgptui.store.connect import CONSOLE, Connection, connect, engine_text
from bgptui.store.embedded import EmbeddedPostgres
from bgptui.store.migrate import migrate
from bgptui.store.queries import query

_HEADER = """# Query plans

Written by `python -m benchmarks.plans`: {engine}, embedded, {days} days, {peers} peers:
{rows}.
One alert in a hundred is open. Times are of a second run, on a small machine that was doing other
things: read them as orders of magnitude.

Each line is a node: what it does, the rows that it gave, its conditions. Partitions that are read
in the same way are one line: of the one that gave most rows, with how many the query read of how
many it planned for; `removed` were left out when the query began, before any was opened.

What to see here: whatever asks for a time reads the days of that time and no others; the console's
list and counts never touch the alerts' partitions, they read `bgptui.alert_list`, which a trigger
keeps; and what reads everything is what was asked about everything.
"""


class Sample(Struct, frozen=True):
    """A query to explain.

    Attributes:
        name: a file of sql/queries, or what the statement is for.
        statement: where it is no file.
    """

    name: str
    why: str
    parameters: dict[str, Any] = {}
    statement: str = ""


SAMPLES = (
    Sample(
        "console/alerts",
        "the alert list, every second",
        {"active_limit": 1_000, "closed_limit": 200},
    ),
    Sample("console/open_counts", "the top bar, every second"),
    Sample("console/network_windows", "the sparklines, every second", {"minutes": 120}),
    Sample("console/collector", "the health line, every second"),
    Sample("console/alert_detail", "one alert", {"alert_id": 100}),
    Sample("console/alert_history", "who did what to it", {"alert_id": 100}),
    Sample("store/status_changes", "what people did, every second", {"event_id": 0}),
    Sample("store/last_window", "when a collector starts"),
    Sample("store/next_ids", "when a collector starts"),
    Sample(
        "store/baseline",
        "a day of the detector's history, when a collector starts",
        {"since": "day"},
    ),
    Sample(
        "store/list_alerts",
        "the correlator's open alerts, when it starts",
        {
            "statuses": ["open", "acknowledged"],
            "severities": None,
            "since": None,
            "row_limit": None,
        },
    ),
    Sample("store/find_alert", "the writer, for each changed alert", {"alert_uuid": "uuid"}),
    Sample(
        "open critical alerts",
        "sample query",
        statement="SELECT timestamp, severity, title, peer_addr, confidence, status FROM alerts "
        "WHERE severity = 'critical' AND status = 'open' ORDER BY timestamp DESC",
    ),
    Sample(
        "alerts by peer, last day",
        "sample query",
        statement="SELECT peer_addr, COUNT(*), AVG(confidence), MAX(final_score) FROM alerts "
        "WHERE timestamp > NOW() - INTERVAL '24 hours' GROUP BY peer_addr",
    ),
    Sample(
        "events by RPKI state",
        "sample query; about all rows",
        statement="SELECT rpki_status, event_type, COUNT(*) FROM route_monitor_events "
        "GROUP BY rpki_status, event_type",
    ),
    Sample(
        "metrics, last hour",
        "sample query",
        statement="SELECT component, metric_name, AVG(metric_value), MAX(metric_value), unit FROM "
        "system_metrics WHERE timestamp > NOW() - INTERVAL '1 hour' "
        "GROUP BY component, metric_name, unit",
    ),
    Sample("recent_alerts", "sample query", statement="SELECT * FROM recent_alerts"),
    Sample(
        "alert_summary_hourly",
        "sample query; the newest hours are read and no others",
        statement="SELECT * FROM alert_summary_hourly LIMIT 10",
    ),
    Sample(
        "one hour of one peer",
        "an investigation",
        statement="SELECT * FROM features WHERE peer_addr = '192.0.2.7' "
        "AND timestamp BETWEEN NOW() - INTERVAL '3 days' AND NOW() - INTERVAL '71 hours'",
    ),
    Sample(
        "an hour of messages about a prefix",
        "an investigation; the hour is found by the index, the prefix by reading it",
        statement="SELECT timestamp, peer_addr, as_path FROM raw_bgp_data "
        "WHERE prefix = '198.18.2.0/31' "
        "AND timestamp BETWEEN NOW() - INTERVAL '3 days' AND NOW() - INTERVAL '71 hours'",
    ),
    Sample(
        "events of a prefix and all below it",
        "an investigation",
        statement="SELECT timestamp, event_type, prefix FROM route_monitor_events "
        "WHERE prefix <<= '203.0.113.0/28'",
    ),
    Sample(
        "features_hourly, one day",
        "plain PostgreSQL counts when asked, from every row it has",
        statement="SELECT * FROM features_hourly "
        "WHERE hour > NOW() - INTERVAL '1 day' AND peer_addr IS NULL",
    ),
)


def main() -> None:
    with (
        TemporaryDirectory(prefix="bgptui-plans-") as folder,
        EmbeddedPostgres(Path(folder)) as server,
    ):
        migrate(server.dsn)
        with connect(server.dsn, application_name=CONSOLE, timeout_s=10) as conn:
            fill(conn, end="now")
            print("\n".join(document(conn)))


def document(conn: Connection) -> Iterator[str]:
    """Lines of docs/query-plans.md."""
    rows = ", ".join(f"{_count(conn, table):,} {table}" for table in TABLES)
    yield _HEADER.format(engine=engine_text(conn), rows=rows, days=DAYS, peers=PEERS)
    for sample in SAMPLES:
        statement = sample.statement.encode() or query(sample.name)
        parameters = _parameters(conn, sample.parameters)
        explain = b"explain (analyze, costs off, timing off, summary on, format json) " + statement
        for _ in range(2):
            row = conn.execute(explain, parameters).fetchone()
        assert row is not None  # a plan has one
        (found,) = row[0]
        yield f"## {sample.name}\n\n{sample.why[0].upper()}{sample.why[1:]}.\n"
        if sample.statement:
            yield f"```sql\n{sample.statement}\n```"
        yield "```\n" + "\n".join(plan_lines(found["Plan"]))
        planned_ms, ran_ms = found["Planning Time"], found["Execution Time"]
        yield f"planned in {planned_ms:.1f} ms, ran {ran_ms:.1f} ms\n```\n"


def _parameters(conn: Connection, given: dict[str, Any]) -> dict[str, Any] | None:
    """Values that only the database knows, for their names."""
    known = {"day": "select now() - interval '1 day'", "uuid": "select alert_uuid from alert_ids"}
    found = dict(given)
    for name, value in given.items():
        if isinstance(value, str) and value in known:
            row = conn.execute(known[value].encode() + b" limit 1").fetchone()
            assert row is not None  # the month has alerts
            found[name] = row[0]
    return found or None


def plan_lines(node: dict[str, Any], *, depth: int = 0, alike: str = "") -> Iterator[str]:
    """A node and those below it; children that do the same on other partitions stand once."""
    removed = node.get("Subplans Removed")
    rows = f"{node['Actual Rows']:g} rows" if node["Actual Loops"] else "never run"
    if node["Actual Loops"] > 1:
        rows += f" x {node['Actual Loops']:g}"
    notes = [rows, *([f"{removed} partitions removed"] if removed else []), *_conditions(node)]
    yield f"{'  ' * depth}{_title(node)}{alike}: {'; '.join(notes)}"
    for children in _groups(node.get("Plans", [])):
        read = sum(child["Actual Loops"] > 0 for child in children)
        same = f" ({read} of {len(children)} partitions read)" if len(children) > 1 else ""
        telling = max(children, key=lambda child: (child["Actual Loops"], child["Actual Rows"]))
        yield from plan_lines(telling, depth=depth + 1, alike=same)


def _title(node: dict[str, Any]) -> str:
    title = str(node["Node Type"])
    if node.get("Scan Direction") == "Backward":
        title += " backward"
    if "Index Name" in node:
        title += f" using {_any_partition(node['Index Name'])}"
    if "Relation Name" in node:
        title += f" on {_any_partition(node['Relation Name'])}"
    return title


def _conditions(node: dict[str, Any]) -> Iterator[str]:
    for name in ("Index Cond", "Filter"):
        if name in node:
            yield f"{name.lower()} {_any_partition(node[name])}"
    for name in ("Sort Key", "Group Key"):
        if name in node:
            yield f"{name.lower()} {', '.join(map(_any_partition, node[name]))}"
    if node.get("Rows Removed by Filter"):
        yield f"{node['Rows Removed by Filter']:g} rows filtered out"


def _any_partition(text: str) -> str:
    return re.sub(r"_p\d{8}", "", text)


def _groups(nodes: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Neighbours that differ in their partition and numbers only."""
    return [list(alike) for _, alike in groupby(nodes, key=_shape)]


def _shape(node: dict[str, Any]) -> str:
    if "Relation Name" in node:
        return _any_partition(node["Relation Name"])
    return _title(node) + str([_shape(child) for child in node.get("Plans", [])])


def _count(conn: Connection, table: str) -> int:
    row = conn.execute(f"select count(*) from public.{table}".encode()).fetchone()
    assert row is not None  # an aggregate has one row
    return int(row[0])


if __name__ == "__main__":
    main()
