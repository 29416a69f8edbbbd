"""The reconstruction of 24 February 2008: what it is made of, and what bgptui makes of it."""

import json
import shlex
from operator import itemgetter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bgptui.demo.catalogue import scenario
from bgptui.demo.youtube_2008 import (
    CONDENSED,
    HALVES,
    HIJACK_AT,
    HIJACKED,
    ON_RECORD,
    PAKISTAN_TELECOM,
    YOUTUBE,
    Act,
)
from bgptui.domain.alert_json import from_iso_utc, iso_utc
from support.program import Program

HOLD_DOWN_S = 300.0


@pytest.fixture(scope="module")
def alerts(tmp_path_factory: pytest.TempPathFactory, module_database: str) -> list[dict[str, Any]]:
    """What the command that `demo write` prints tells of the times on record."""
    program = Program(tmp_path_factory.mktemp("youtube"))
    command = shlex.split(program.run("demo", "write", "youtube-2008", "files").stdout)
    assert command[:2] == ["bgptui", "replay"]
    said = program.run(*command[1:], "--format", "jsonl", "--dsn", module_database, "--keep")
    return [json.loads(line) for line in said.stdout.splitlines()]


def sightings() -> list[tuple[float, int, list[str], list[int]]]:
    """(seconds after 18:47, peer AS, prefixes of AS36561's /22 below it, path) on record."""
    found = []
    for timestamp, frame in scenario("youtube-2008").recording(rng=Random(1)):
        data = json.loads(frame)["data"]
        prefixes = [
            prefix
            for entry in data.get("announcements", ())
            for prefix in entry["prefixes"]
            if prefix in (HIJACKED, *HALVES)
        ]
        if prefixes:
            found.append((timestamp - HIJACK_AT, int(data["peer_asn"]), prefixes, data["path"]))
    return found


def test_it_keeps_to_the_times_and_paths_on_record() -> None:
    assert iso_utc(HIJACK_AT) == "2008-02-24T18:47:00Z"
    seen = sightings()
    hijacked = [each for each in seen if each[3][-1] == PAKISTAN_TELECOM]
    assert 0 < hijacked[0][0] < 60, "18:47"
    assert all(path[-2:] == [3491, 17557] for at, _, _, path in hijacked if at < 7_000)
    prepended = [each for each in hijacked if each[3][-3:] == [3491, 17557, 17557]]
    assert prepended[0][0] // 60 == 124, "20:51"
    own = [each for each in seen if each[3][-1] == YOUTUBE]
    first = {prefix: at for at, _, prefixes, _ in reversed(own) for prefix in prefixes}
    assert first[HIJACKED] // 60 == 80, "20:07"
    assert {first[half] // 60 for half in HALVES} == {91}, "20:18"
    assert {asn for _, asn, _, _ in hijacked} == {asn for _, asn, _, _ in own}


def test_it_is_one_critical_alert_within_a_minute_of_the_third_peer(
    alerts: list[dict[str, Any]],
) -> None:
    third = sorted(
        {asn: at for at, asn, _, path in reversed(sightings()) if path[-1] != YOUTUBE}.values()
    )[2]
    assert {alert["alert_id"] for alert in alerts} == {1}, "and nothing else"
    opening = alerts[0]
    assert (opening["event"], opening["alert_type"]) == ("open", "hijack")
    assert (opening["class"], opening["severity"]) == ("S|0", "critical")
    assert (opening["prefix"], opening["watched_prefix"]) == (HIJACKED, "208.65.152.0/22")
    assert (opening["origin_asn"], opening["expected_origins"]) == (PAKISTAN_TELECOM, [YOUTUBE])
    assert 0 <= from_iso_utc(opening["last_seen"]) - HIJACK_AT - third < 60
    assert opening["peers_seen"] == 3


def test_it_goes_on_while_both_announce_the_prefix_and_ends_after_the_withdrawal(
    alerts: list[dict[str, Any]],
) -> None:
    end = alerts[-1]
    assert [alert["event"] for alert in alerts].count("resolve") == 1
    assert (end["event"], end["severity"], end["peers_seen"]) == ("resolve", "critical", 8)
    [gone] = [fact for fact in end["evidence"] if fact["kind"] == "withdrawn"]
    gone_at = from_iso_utc(gone["at"])
    assert (gone_at - HIJACK_AT) // 60 == 134, "21:01"
    assert from_iso_utc(gone["resolves_at"]) == gone_at + HOLD_DOWN_S
    assert end["duration_s"] == gone_at - from_iso_utc(alerts[0]["first_seen"])


def test_live_it_takes_minutes_in_the_same_order() -> None:
    for times in (ON_RECORD, CONDENSED):
        assert [act for act, _ in sorted(times.at.items(), key=itemgetter(1))] == [*Act]
    assert CONDENSED.at[Act.WITHDRAWN] - CONDENSED.begun < 7 * 60
    assert "134 minutes in 7" in scenario("youtube-2008").description


def test_a_scenarios_files_are_written_where_there_are_vrps_too(program: Program) -> None:
    command = shlex.split(program.run("demo", "write", "subprefix-hijack", "a folder").stdout)
    assert command[3::2] == ["--vrps", "--watch"]
    assert all((program.home / name).stat().st_size for name in command[2::2])
    again = ("demo", "write", "subprefix-hijack", "a folder")
    assert "--force writes over it" in program.run(*again, exit_code=2).stderr
    program.run(*again, "--force")


def test_a_folder_that_cannot_be_written_is_named(program: Program, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = program.run("demo", "write", "youtube-2008", "file", exit_code=2).stderr
    assert said == "bgptui: file: File exists\n"
