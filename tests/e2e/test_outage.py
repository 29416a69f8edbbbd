"""The database goes away for seconds under load: nothing is missing, twice or out of order."""

from collections.abc import Iterator

import pytest

from support.mortal_server import MortalServer
from support.outage import HIJACK_EVERY, Outage
from support.program import Program


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MortalServer]:
    mortal = MortalServer(tmp_path_factory.mktemp("mortal"))
    yield mortal
    mortal.close()


def test_a_database_that_is_away_for_seconds_under_load_misses_nothing(
    program: Program, server: MortalServer
) -> None:
    outage = Outage(program, server, count=12_000)
    outcome = outage.run(first=2_000, during=6_000)
    assert outage.wrong() == {}
    assert outage.stored == 12_000
    assert outage.value("select count(*) from route_monitor_events") == 12_000 // HIJACK_EVERY
    assert outage.opened == 12_000 // HIJACK_EVERY
    assert outage.value("select count(*) from feed_gaps") == 0  # the feed never noticed
    assert "database away" in outcome.said
    assert "dropped=0" in outcome.said.splitlines()[-1]
    assert not list(outage.spools.rglob("*.segment"))
