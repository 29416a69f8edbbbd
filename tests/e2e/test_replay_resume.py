"""A replay into a database that is killed and run again leaves what one run leaves."""

from random import Random

import psycopg
import pytest

from support.program import Incident, Program
from support.tables import assert_same_rows

POSITION = "select coalesce(sum(messages + features), 0)::int from bgptui.replays"


def position(dsn: str) -> int:
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(POSITION).fetchone()
    assert row is not None
    return int(row[0])


def replay_with_kills(
    program: Program, incident: Incident, dsn: str, *, kills: int, rng: Random, whole: int
) -> None:
    """Run it again and again; each run is killed at a random place beyond the last one's."""
    command = ("replay", str(incident.recording), *incident.flags, "--dsn", dsn, "--keep")
    places = sorted(rng.randrange(whole) for _ in range(kills))
    for place in places:
        # Slowed down, so that there are many commits to be killed between.
        with program.running(*command, "--speed", "3000") as process:
            while process.poll() is None and position(dsn) <= place:
                pass
            process.kill()
    program.run(*command)


@pytest.fixture
def uninterrupted(program: Program, incident: Incident, empty_database: str) -> str:
    """A database with the rows of one run."""
    program.run("db", "init", "--dsn", empty_database)
    program.run(
        "replay", str(incident.recording), *incident.flags, "--dsn", empty_database, "--keep"
    )
    return empty_database


def test_three_kills(
    program: Program, incident: Incident, database: str, uninterrupted: str
) -> None:
    whole = position(uninterrupted)
    replay_with_kills(program, incident, database, kills=3, rng=Random(1), whole=whole)
    assert_same_rows(database, uninterrupted)


@pytest.mark.faults
def test_twenty_kills(
    program: Program, incident: Incident, database: str, uninterrupted: str
) -> None:
    whole = position(uninterrupted)
    replay_with_kills(program, incident, database, kills=20, rng=Random(20), whole=whole)
    assert_same_rows(database, uninterrupted)


def test_a_finished_replay_is_replayed_anew(
    program: Program, incident: Incident, database: str
) -> None:
    command = ("replay", str(incident.recording), *incident.flags, "--dsn", database, "--keep")
    program.run(*command)
    once = position(database)
    program.run(*command)
    assert position(database) == once
    with psycopg.connect(database) as connection:
        rows = connection.execute("select count(*), count(distinct id) from features").fetchone()
        alerts = connection.execute("select count(*) from alerts").fetchone()
    assert rows is not None
    assert rows[0] == rows[1] > 1_000
    assert alerts is not None
    assert alerts[0] == 3
