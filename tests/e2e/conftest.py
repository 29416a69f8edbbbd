"""The program, and the demo's incident to run it on."""

from pathlib import Path
from random import Random

import pytest

from bgptui.demo.catalogue import scenario
from support.program import Incident, Program


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


@pytest.fixture(scope="session")
def incident(tmp_path_factory: pytest.TempPathFactory) -> Incident:
    folder = tmp_path_factory.mktemp("incident")
    chosen = scenario("subprefix-hijack")
    files = Incident(folder / "incident.jsonl", folder / "vrps.json", folder / "watch.toml")
    vrps = chosen.vrps(built=chosen.recorded.start)
    assert vrps is not None
    files.vrps.write_bytes(vrps)
    files.watchlist.write_text(chosen.watch)
    with files.recording.open("wb") as recording:
        recording.writelines(frame + b"\n" for _, frame in chosen.recording(rng=Random(1)))
    return files
