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
    [alert] = alerts(
        "bgpkit.rrc15_2010.02_updates.20100227.1600.gz",
        "bgpkit.rrc15_2010.02_updates.20100227.1610.gz",
    )
    assert (alert["alert_type"], alert["severity"]) == ("session", "medium")
    down = [fact["peer_asn"] for fact in alert["evidence"] if fact["kind"] == "session"]
    assert sorted(down) == [6140, 22548, 50055]
    [transfer] = [fact for fact in alert["evidence"] if fact["kind"] == "table_transfer"]
    assert (transfer["peer_asn"], transfer["announced"]) == (1916, 47_833)


def test_the_state_storm_of_rrc01_is_one_session_alert_for_its_peers(alerts: Any) -> None:
    [alert] = alerts("bgpkit.rrc01_2000.11_updates.20001104.0124.gz")
    assert (alert["alert_type"], alert["severity"]) == ("session", "high")
    assert alert["title"] == "Most Peer Sessions Down"
    assert alert["peers_seen"] == 19
