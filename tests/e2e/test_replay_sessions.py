"""Session resets and table transfers of real archives, as `bgptui replay` tells them."""

import json
from pathlib import Path
from typing import Any

import pytest

from support.program import Program


@pytest.fixture
def alerts(program: Program, shared: Path) -> Any:
    """The last word on each alert of a replay of some archives."""

    def replayed(*names: str) -> list[dict[str, Any]]:
        paths = [str(shared / "data/mrt" / name) for name in names]
        said = program.run("replay", *paths, "--format", "jsonl").stdout
        last = {line["alert_id"]: line for line in map(json.loads, said.splitlines())}
        return list(last.values())

    return replayed


def test_the_resets_and_the_table_transfer_of_rrc15_are_one_session_alert(alerts: Any) -> None:
    alert, gap = alerts(
        "bgpkit.rrc15_2010.02_updates.20100227.1600.gz",
        "bgpkit.rrc15_2010.02_updates.20100227.1610.gz",
    )
    # The first archive ends at 16:05.
    assert (gap["alert_type"], gap["event"], gap["duration_s"]) == ("feed_gap", "resolve", 302.0)
    assert (alert["alert_type"], alert["severity"]) == ("session", "low")
    assert alert["title"] == "Peer Sessions Already Down"
    down = [fact["peer_asn"] for fact in alert["evidence"] if fact["kind"] == "session"]
    assert sorted(down) == [6140, 22548, 50055]
    [transfer] = [fact for fact in alert["evidence"] if fact["kind"] == "table_transfer"]
    assert (transfer["peer_asn"], transfer["announced"]) == (1916, 47_833)


def test_the_state_storm_of_rrc01_is_one_alert_for_neighbours_and_one_for_the_lost_peer(
    alerts: Any,
) -> None:
    neighbours, lost = alerts("bgpkit.rrc01_2000.11_updates.20001104.0124.gz")
    assert (neighbours["alert_type"], neighbours["severity"]) == ("session", "low")
    assert neighbours["title"] == "Peer Sessions Already Down"
    assert neighbours["peers_seen"] == 19
    assert (lost["alert_type"], lost["severity"]) == ("session", "medium")
    [fact] = [fact for fact in lost["evidence"] if fact["kind"] == "session"]
    assert (fact["peer_asn"], fact["resets"]) == (286, 1)


def test_three_of_forty_peers_are_not_most_though_their_sessions_flap(
    program: Program, shared: Path
) -> None:
    archive = shared / "data/mrt/bgpdump.updates.20160811.1600.gz"
    done = program.run("replay", str(archive), "--format", "jsonl")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert {(line["severity"], line["alert_id"]) for line in told} == {("medium", 1)}
    resets = [fact["resets"] for fact in told[-1]["evidence"] if fact["kind"] == "session"]
    assert len(resets) == 5
    assert sum(resets) > 5
    assert "; 45 peers of 1 collector; " in done.stderr


def test_neighbours_that_were_never_up_have_no_resets(alerts: Any) -> None:
    [alert] = alerts("bgpdump.updates.20100722.2015.gz")
    assert (alert["severity"], alert["title"]) == ("low", "Peer Sessions Already Down")
    assert {fact["resets"] for fact in alert["evidence"] if fact["kind"] == "session"} == {0}
