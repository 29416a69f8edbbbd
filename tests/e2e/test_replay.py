"""`bgptui replay`: recorded input to rows and alerts, as a user runs it."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bgptui.demo.catalogue import scenario
from support.program import Incident, Program

RECORDING = "data/rislive/ris-live-1000-frames-20190523.jsonl"
VRPS = "data/rpki/vrps-15k.json"


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def one_row(dsn: str, query: str) -> tuple[Any, ...]:
    with psycopg.connect(dsn) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row


def test_every_frame_of_a_real_recording_is_accounted_for(
    program: Program, shared: Path, database: str
) -> None:
    said = program.run(
        "replay",
        str(shared / RECORDING),
        "--vrps",
        str(shared / VRPS),
        "--dsn",
        database,
        "--keep",
    ).stderr
    assert "1,000 messages: 994 UPDATE, 6 KEEPALIVE" in said
    assert "787 announced (871 as listed), 2,394 withdrawn" in said
    sums = "sum(announcements)::int, sum(withdrawals)::int, sum(total_updates)::int"
    expected = (787, 2_394, 787 + 2_394)
    assert one_row(database, f"select {sums} from raw_bgp_data") == expected
    assert one_row(database, f"select {sums} from features where peer_addr is not null") == expected
    assert one_row(database, f"select {sums} from features where peer_addr is null") == expected
    by_type = "select count(*) filter (where message_type = 'UPDATE'),"
    by_type += " count(*) filter (where message_type = 'KEEPALIVE'), count(*) from raw_bgp_data"
    assert one_row(database, by_type) == (994, 6, 1_000)
    kept = "select count(*) from raw_bgp_data where raw_message -> 'data' ->> 'raw' is not null"
    assert one_row(database, kept) == (1_000,)
    health = "document -> 'feed' ->> 'state', (document ->> 'messages')::int"
    assert one_row(database, f"select {health} from collector_health") == ("ended", 1_000)
    flaps = "select sum(flap_count)::int from {}"
    assert one_row(database, flaps.format("raw_bgp_data")) == one_row(
        database, flaps.format("features where peer_addr is null")
    )


def test_control_frames_are_handled_and_a_malformed_line_is_quarantined(
    program: Program, shared: Path, database: str
) -> None:
    said = program.run(
        "replay",
        str(shared / "data/rislive/control-frames.jsonl"),
        str(shared / "data/rislive/as-set-frame.jsonl"),
        "--dsn",
        database,
        "--keep",
    ).stderr
    assert "6 messages" in said
    assert "ingest.malformed 1" in said
    quarantined = lines((program.home / "state/bgptui/quarantine.jsonl").read_text())
    assert [entry["reason"] for entry in quarantined] == ["malformed"]
    types = "select array_agg(message_type order by message_type) from raw_bgp_data"
    assert one_row(database, types) == (
        ["KEEPALIVE", "NOTIFICATION", "OPEN", "STATE", "UPDATE", "UPDATE"],
    )
    as_set = "select as_path, origin_asn, path_length from raw_bgp_data where as_path like '%{%'"
    assert one_row(database, as_set) == ("2497 6453 18705 26281 {13340}", None, 5.0)


def test_the_incident_gives_its_alerts_and_two_replays_give_the_same_bytes(
    program: Program, incident: Incident, database: str
) -> None:
    command = ("replay", str(incident.recording), *incident.flags, "--format", "jsonl")
    first = program.run(*command).stdout
    assert first == program.run(*command, "--dsn", database, "--keep").stdout
    alerts = lines(first)
    hijack = [alert for alert in alerts if alert["alert_type"] == "hijack"]
    assert [hijack[0]["event"], hijack[-1]["event"]] == ["open", "resolve"]
    assert hijack[0]["alert_id"] == 1
    last = hijack[-1]
    assert last["severity"] == "critical"
    assert last["class"] == "S|0"
    assert last["prefix"] == "203.0.113.128/25"
    assert last["watched_prefix"] == "203.0.113.0/24"
    assert (last["origin_asn"], last["expected_origins"]) == (64666, [64500])
    assert last["rpki_status"] == "invalid"
    assert {"rule", "rpki", "path"} <= {fact["kind"] for fact in last["evidence"]}
    opened = {alert["alert_type"] for alert in alerts if alert["event"] == "open"}
    assert {"hijack", "session", "ml_anomaly"} <= opened
    # The database tells the same of each alert as its last line did.
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "select alert_uuid::text, severity, status from alerts order by alert_id"
        ).fetchall()
    ends = {alert["alert_uuid"]: (alert["severity"], alert["status"]) for alert in alerts}
    assert {uuid: (severity, status) for uuid, severity, status in rows} == ends


def test_peers_that_keep_arriving_are_counted_alike_in_every_replay(
    program: Program, incident: Incident
) -> None:
    crowded = program.home / "crowded.jsonl"
    # Before the hijack and through it.
    arrive_at = scenario("subprefix-hijack").recorded.start - 300
    with incident.recording.open("rb") as calm, crowded.open("wb") as recording:
        number = 0
        for frame in calm:
            recording.write(frame)
            timestamp = json.loads(frame)["data"]["timestamp"]
            if timestamp < arrive_at or number > 2_500:
                continue
            newcomer = {
                "timestamp": timestamp,
                "peer": f"2001:db8::{number:x}",
                "peer_asn": "64496",
                "id": f"k-{number}",
                "host": "rrc00.ripe.net",
                "type": "KEEPALIVE",
            }
            message = {"type": "ris_message", "data": newcomer}
            recording.write(json.dumps(message).encode() + b"\n")
            number += 1
    assert number > 2_500
    command = ("replay", str(crowded), *incident.flags, "--format", "jsonl")
    first = program.run(*command).stdout
    assert '"alert_type":"hijack"' in first
    assert first == program.run(*command).stdout


def test_the_demo_shows_its_hijack_within_a_minute_and_its_storm_within_four(
    program: Program, incident: Incident
) -> None:
    said = program.run("replay", str(incident.recording), *incident.flags, "--format", "jsonl")
    opened: dict[str, dict[str, Any]] = {}
    for alert in lines(said.stdout):
        if alert["event"] == "open":
            opened.setdefault(alert["alert_type"], alert)
    assert opened["hijack"]["first_seen"] <= "2026-01-07T12:01:00Z"
    storm = opened["ml_anomaly"]
    assert "WITHDRAWAL_STORM" in json.dumps(storm["evidence"])


def test_sigterm_in_a_replay_leaves_whole_batches(
    program: Program, incident: Incident, database: str
) -> None:
    with program.running(
        "replay",
        str(incident.recording),
        *incident.flags,
        "--dsn",
        database,
        "--keep",
        "--speed",
        "1200",
    ) as process:
        with psycopg.connect(database, autocommit=True) as connection:
            while not connection.execute("select 1 from features offset 100 limit 1").fetchone():
                assert process.poll() is None
        said = program.terminate(process)
    assert "stopped before the input's end" in said
    sums = "select sum(total_updates)::int, sum(flap_count)::int, sum(session_resets)::int from {}"
    raw = one_row(database, sums.format("raw_bgp_data where not late"))
    assert raw == one_row(database, sums.format("features where peer_addr is null"))
    assert raw == one_row(database, sums.format("features where peer_addr is not null"))
    scored = "select count(*), (select count(*) from ml_results) from features"
    features, scores = one_row(database, scored)
    assert features == scores


def test_a_recording_may_come_on_standard_input(program: Program, incident: Incident) -> None:
    with incident.recording.open("rb") as recording:
        head = b"".join(recording.readline() for _ in range(100))
    done = subprocess.run(
        program.command("replay", "-"),
        env=program.environment,
        input=head,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert b"100 messages" in done.stderr


def test_old_input_is_refused_where_the_next_maintenance_would_drop_it(
    program: Program, shared: Path, database: str
) -> None:
    said = program.run("replay", str(shared / RECORDING), "--dsn", database, exit_code=2).stderr
    assert re.search(r"begins 2019-05-23.*raw_bgp_data keeps 30 days.*--keep", said)
    assert one_row(database, "select count(*) from raw_bgp_data") == (0,)


def test_years_between_recordings_are_gaps_and_no_anomaly(
    program: Program, shared: Path, database: str
) -> None:
    folder = shared / "data" / "rislive"
    command = ("replay", str(folder), "--format", "jsonl")
    first = program.run(*command, "--dsn", database, "--keep").stdout
    assert first == program.run(*command).stdout
    opened = [each["alert_type"] for each in lines(first) if each["event"] == "open"]
    assert sorted(opened) == ["feed_gap", "feed_gap", "feed_gap", "session"]
    gaps = "select count(*)::int, bool_and(reason = 'no_recording') from feed_gaps"
    assert one_row(database, gaps) == (3, True)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\x00\x01\x02" * 4_000, "not a RIS Live recording"), (b"", "input.bin is empty")],
    ids=["binary", "empty"],
)
def test_a_file_that_is_no_recording_is_named(
    program: Program, content: bytes, message: str
) -> None:
    path = program.home / "input.bin"
    path.write_bytes(content)
    said = program.run("replay", str(path), exit_code=2 if content else 0).stderr
    assert message in said
