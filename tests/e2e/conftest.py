"""The program, and the demo's incident to run it on."""

from pathlib import Path
from random import Random

import pytest

from bgptui.demo.catalogue import scenario
from support.program import AFTER_S, HISTORY_S, SCENARIO_START, Incident, Program


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


@pytest.fixture(scope="session")
def incident(tmp_path_factory: pytest.TempPathFactory) -> Incident:
    folder = tmp_path_factory.mktemp("incident")
    chosen = scenario("subprefix-hijack")
    files = Incident(folder / "incident.jsonl", folder / "vrps.json", folder / "watch.toml")
    files.vrps.write_bytes(chosen.vrps(built=SCENARIO_START))
    files.watchlist.write_text(chosen.watchlist())
    with files.recording.open("wb") as recording:
        for timestamp, frame in chosen.frames(SCENARIO_START, rng=Random(1)):
            if timestamp > SCENARIO_START + AFTER_S:
                break
            if timestamp >= SCENARIO_START - HISTORY_S:
                recording.write(frame + b"\n")
    return files
