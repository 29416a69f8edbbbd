"""Every alert class once, through `bgptui replay`: what opens, how severe, with what evidence, how
it ends; and what must stay quiet.

The severities are those of the noise policy.
"""

import json
from ipaddress import ip_network
from itertools import groupby
from typing import Any

import psycopg
import pytest
from msgspec import Struct

from bgptui.domain.alert_json import from_iso_utc
from support.alert_scenarios import incidents, write
from support.program import Program
from support.small_world import T0

Line = dict[str, Any]


class Told(Struct, frozen=True):
    """All lines about one alert, and what its row says at the end."""

    lines: list[Line]
    description: str
    prefixes: list[str]

    @property
    def opening(self) -> Line:
        return self.lines[0]

    @property
    def end(self) -> Line:
        return self.lines[-1]

    def fact(self, kind: str) -> Line:
        """The first fact of a kind in the last line's evidence."""
        return next(fact for fact in self.end["evidence"] if fact["kind"] == kind)


class Outcome(Struct, frozen=True):
    alerts: list[Told]
    summary: str
    dsn: str

    def of(self, prefix: str) -> list[Told]:
        """The alerts that concern a prefix or more-specifics of it."""
        network = ip_network(prefix)
        return [
            told
            for told in self.alerts
            if any(network.supernet_of(ip_network(each)) for each in told.prefixes)  # type: ignore[arg-type]
        ]

    def events(self, prefix: str) -> list[tuple[Any, ...]]:
        """Rows of route_monitor_events of a prefix, as (type, class, severity, most peers)."""
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(
                "select event_type, class, severity, max(peers_seen)"
                " from route_monitor_events where prefix <<= %s::cidr group by 1, 2, 3",
                (prefix,),
            ).fetchall()


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory, module_database: str) -> Outcome:
    program = Program(tmp_path_factory.mktemp("incidents"))
    files = write(incidents(), program)
    command = ("replay", str(files.recording), *files.flags, "--format", "jsonl")
    done = program.run(*command, "--dsn", module_database, "--keep")
    lines = sorted(map(json.loads, done.stdout.splitlines()), key=lambda line: line["alert_id"])
    with psycopg.connect(module_database) as connection:
        rows = connection.execute(
            "select alert_id, description, coalesce(affected_prefixes, '{}')::text[] from alerts"
        )
        words = {alert_id: (description, prefixes) for alert_id, description, prefixes in rows}
    alerts = [
        Told([*its], *words[alert_id])
        for alert_id, its in groupby(lines, key=lambda line: line["alert_id"])
    ]
    return Outcome(alerts, done.stderr, module_database)


CLASSES = [
    # prefix, type, class, severity, RPKI, reason of the rule, what its words have
    ("45.80.1.0/24", "hijack", "E|0", "critical", "invalid", "origin", "AS666 announces your"),
    ("45.80.2.128/25", "hijack", "S|0", "critical", "invalid", "subprefix", "a more-specific of"),
    ("45.80.3.0/24", "hijack", "Q|0", "critical", "not_found", "squatting", "nobody should"),
    ("45.80.4.0/24", "hijack", "E|1", "high", "valid", "upstream", "through AS667"),
    ("45.80.5.0/24", "hijack", "E|1", "critical", "valid", "upstream", "ASPAs call the path inv"),
    ("45.80.6.0/25", "hijack", "S|1", "high", "valid", "upstream", "a new upstream, or a forged"),
    (
        "45.80.7.0/24",
        "path_anomaly",
        "E|P",
        "medium",
        "valid",
        "pattern:1",
        "never through AS667",
    ),
    (
        "45.80.16.128/25",
        "path_anomaly",
        "S|P",
        "medium",
        "valid",
        "pattern:1",
        "has the path 101,667",
    ),
    ("45.80.8.0/24", "new_prefix", "-|-", "medium", "not_found", "unlisted", "no rule"),
    ("45.80.9.0/25", "new_prefix", "S|-", "low", "valid", "max_length", "up to /24"),
    ("45.80.14.0/25", "rpki_invalid", "S|-", "medium", "invalid", "length", "fix your ROA"),
    ("62.3.0.0/24", "leak", "-|L", "high", "not_found", "aspa:8001>8002", "AS8002 passed routes"),
    ("62.3.1.0/24", "leak", "-|L", "high", "not_found", "otc:9004>*", "for customers only (OTC)"),
    ("62.3.3.0/24", "leak", "-|L", "high", "not_found", "otc+aspa:9002>9003", "up to its provider"),
    ("45.80.12.0/24", "leak", "E|L", "low", "valid", "no_export", "community NO_EXPORT"),
    ("45.80.13.0/24", "leak", "E|L", "low", "valid", "inferred:7002>7003", "it proves nothing"),
    ("62.2.0.0/24", "hijack", "E|0", "medium", "invalid", "new_origin", "AS666 announces 62.2.0"),
    # What is lowered, with the reason.
    ("62.2.1.0/24", "hijack", "E|0", "low", "invalid", "new_origin", "a sibling of the holder"),
    ("62.2.2.0/24", "hijack", "E|0", "low", "invalid", "new_origin", "stands behind the holder"),
    ("45.80.26.0/24", "hijack", "E|0", "low", "valid", "origin", "a ROA allows this origin"),
    ("45.80.27.0/24", "hijack", "E|0", "low", "invalid", "origin", "a sibling of an expected"),
]


@pytest.mark.parametrize(
    "case", CLASSES, ids=[f"{case[2]}-{case[5]}-{case[0]}" for case in CLASSES]
)
def test_an_incident_is_one_alert_of_its_class_and_severity(
    outcome: Outcome, case: tuple[str, ...]
) -> None:
    prefix, alert_type, hijack_class, severity, rpki, reason, words = case
    [alert] = outcome.of(prefix)
    assert [line["event"] for line in alert.lines].count("open") == 1
    for line in alert.lines:
        assert (line["alert_type"], line["class"]) == (alert_type, hijack_class)
        assert (line["severity"], line["rpki_status"]) == (severity, rpki)
    rules = [fact for fact in alert.end["evidence"] if fact["kind"] == "rule"]
    assert [fact["reason"] for fact in rules] == [reason]
    assert words in alert.description


@pytest.mark.parametrize("prefix", [case[0] for case in CLASSES])
def test_its_evidence_is_complete(outcome: Outcome, prefix: str) -> None:
    [alert] = outcome.of(prefix)
    end, rule, path = alert.end, alert.fact("rule"), alert.fact("path")
    assert rule["why"]
    assert rule["min_peers"] == 3
    if end["watched_prefix"] is not None:
        assert rule["watched_prefix"] == end["watched_prefix"]
        assert rule["text"].startswith("watchlist rule ")
    rpki = alert.fact("rpki")
    assert rpki["as_of"] == "2026-01-07T11:30:00Z"
    assert rpki["source"].endswith("vrps.json")
    assert bool(rpki["vrps"]) is (end["rpki_status"] in ("valid", "invalid"))
    assert all(vrp["trust_anchor"] == "ripe" for vrp in rpki["vrps"])
    assert path["as_path"][0] == path["peer_asn"]
    assert path["as_path"][-1] == end["origin_asn"]
    assert path["collector"] in {"rrc00", "rrc01"}
    assert end["peers_seen"] == len(alert.fact("peers")["peers"]) >= 3
    assert end["peers_total"] == 10
    assert alert.fact("confidence")["route"] == (0.3 if "inferred" in rule["reason"] else 0.72)


@pytest.mark.parametrize("prefix", [case[0] for case in CLASSES])
def test_it_opens_with_the_third_peer_and_recovers_after_the_withdrawal(
    outcome: Outcome, prefix: str
) -> None:
    [alert] = outcome.of(prefix)
    first_seen = from_iso_utc(alert.opening["first_seen"]) - T0
    gone_at = from_iso_utc(alert.fact("withdrawn")["at"]) - T0
    assert first_seen == 0.5
    assert 200.0 < gone_at <= 201.0
    assert alert.end["event"] == "resolve"
    assert alert.end["duration_s"] == gone_at - first_seen


def test_unwatched_origins_are_told_once_they_have_lasted_two_minutes(outcome: Outcome) -> None:
    for prefix in ("62.2.0.0/24", "62.2.1.0/24", "62.2.2.0/24"):
        [alert] = outcome.of(prefix)
        assert alert.opening["peers_seen"] == 5, "all came before it opened"
        assert from_iso_utc(alert.opening["last_seen"]) - T0 == 1.0, "nothing new since"


@pytest.mark.parametrize(
    ("prefix", "severity", "lost", "near_lost"),
    [("45.80.10.0/24", "high", 4, 4), ("45.80.11.0/24", "critical", 8, 5)],
)
def test_a_prefix_that_is_lost_is_told_by_upstream_and_recovers(
    outcome: Outcome, prefix: str, severity: str, lost: int, near_lost: int
) -> None:
    [alert] = outcome.of(prefix)
    assert {line["alert_type"] for line in alert.lines} == {"visibility_loss"}
    assert {line["severity"] for line in alert.lines} == {severity}
    assert alert.opening["peers_seen"] == lost
    worst = max(
        (fact for line in alert.lines for fact in line["evidence"] if fact["kind"] == "rule"),
        key=lambda fact: fact["peers_lost"],
    )
    assert worst["share_lost"] >= (0.4 if severity == "high" else 0.8)
    split = {each["upstream"]: each["lost"] for each in worst["by_upstream"]}
    assert split == {3301: near_lost, 3302: lost - near_lost}
    assert alert.end["event"] == "resolve"
    assert 195.0 < alert.end["duration_s"] < 205.0


@pytest.mark.parametrize(
    ("prefix", "events"),
    [
        ("45.80.15.0/24", [("hijack_suspected", "E|0", "critical", 2)]),
        ("45.80.22.0/24", [("hijack_suspected", "S|0", "critical", 1)]),
        ("45.80.23.0/24", [("hijack_suspected", "E|0", "critical", 5)]),
        ("45.80.24.0/24", []),
        ("45.80.25.0/24", []),
        ("62.2.4.0/24", [("rpki_invalid", "E|0", "low", 1)]),
        ("62.2.6.0/24", [("rpki_invalid", "S|-", "low", 1)]),
        ("192.168.7.0/24", [("bogon", "-|-", "low", 1)]),
        ("62.4.0.0/24", [("bogon", "-|-", "low", 1)]),
    ],
    ids=[
        "two-peers",
        "a-lying-peer",
        "muted",
        "anycast",
        "expected-more-specific",
        "standing-invalid",
        "invalid-length-elsewhere",
        "bogon-prefix",
        "bogon-asn",
    ],
)
def test_what_is_no_incident_is_at_most_an_event(
    outcome: Outcome, prefix: str, events: list[tuple[Any, ...]]
) -> None:
    assert outcome.events(prefix) == events
    assert not outcome.of(prefix)


def test_a_table_transfer_after_a_reset_is_a_session_and_no_route_alert(outcome: Outcome) -> None:
    sessions = [told for told in outcome.alerts if told.opening["alert_type"] == "session"]
    [reset] = sessions
    assert reset.end["event"] == "resolve"
    told = {prefix for each in outcome.alerts for prefix in each.prefixes}
    expected = {case[0] for case in CLASSES} | {"45.80.10.0/24", "45.80.11.0/24", "62.3.2.0/24"}
    assert told == expected
    assert len(outcome.alerts) == len(CLASSES) + 2 + len(sessions), "and nothing else"


def test_without_fresh_vrps_no_verdict_is_made_and_it_is_said(
    program: Program, database: str
) -> None:
    files = write(incidents(), program)
    command = ("replay", str(files.recording), "--watch", str(files.watchlist))
    done = program.run(*command, "--format", "jsonl", "--dsn", database, "--keep")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert " 0 valid, 0 invalid, 0 not found, " in done.stderr
    opened = {line["prefix"]: line for line in lines if line["event"] == "open"}
    assert {line["rpki_status"] for line in lines if line["rpki_status"]} == {"unavailable"}
    for needs_rpki in ("45.80.14.0/25", "62.2.0.0/24", "62.3.0.0/24", "62.3.3.0/24"):
        assert needs_rpki not in opened
    hijack = opened["45.80.1.0/24"]
    assert (hijack["severity"], hijack["class"]) == ("critical", "E|0")
