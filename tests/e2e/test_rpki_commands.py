"""`bgptui rpki` as scripts and people use it."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bgptui.domain.rpki import Vrp
from support.faulty_http import TcpServer
from support.program import TIMEOUT_S, Incident, Program
from support.rtr_caches import Ending, scripted, stayrtr


@pytest.fixture
def vrps(program: Program) -> Path:
    """A file whose entries have long expired."""
    file = program.home / "vrps.json"
    roa = {"asn": 64496, "prefix": "192.0.2.0/24", "maxLength": 24, "ta": "ripe", "expires": 1}
    late = {"asn": 64497, "prefix": "198.51.100.0/24", "maxLength": 24, "expires": 1_800_000_000}
    aspas = [{"customer_asid": 64498, "providers": [64496], "expires": 1_800_000_000}]
    document = {
        "metadata": {"buildtime": "2025-07-20T09:31:33Z"},
        "roas": [roa, late],
        "aspas": aspas,
    }
    file.write_text(json.dumps(document))
    return file


def answers(
    program: Program, *arguments: str, lines: Sequence[object], exit_code: int = 0
) -> list[dict[str, Any]]:
    """What a command says to JSON lines on its standard input."""
    done = subprocess.run(
        program.command(*arguments),
        env=program.environment,
        cwd=program.home,
        input="\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == exit_code, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_file_is_taken_as_it_stands_and_says_when_it_was_built(
    program: Program, vrps: Path
) -> None:
    said = program.run("rpki", "validate", "192.0.2.0/24", "AS64496", "--vrps", str(vrps)).stdout
    assert said.startswith("192.0.2.0/24 AS64496: valid\n")
    assert "as of 2025-07-20T09:31:33Z" in said
    assert "192.0.2.0/24 up to /24 AS64496 (ripe)" in said


def test_expiry_is_as_of_the_time_that_is_named(program: Program, vrps: Path) -> None:
    command = ("rpki", "validate", "192.0.2.0/24", "64496", "--vrps", str(vrps), "--json")
    now = json.loads(program.run(*command, "--vrps-now", "2025-07-20T10:00:00Z").stdout)
    assert now["state"] == "not_found"
    assert "--vrps-now soon" in program.run(*command, "--vrps-now", "soon", exit_code=2).stderr


def test_lines_are_answered_one_by_one_and_a_bad_one_costs_itself(
    program: Program, vrps: Path
) -> None:
    lines: list[object] = [
        {"prefix": "192.0.2.0/25", "origin": 64496},
        {"prefix": "192.0.2.0/33", "origin": 1},
        "no json",
        {"prefix": "192.0.2.0/24", "origin": None},
        {"prefix": "203.0.113.0/24", "origin": "AS64496"},
    ]
    got = answers(program, "rpki", "validate", "--vrps", str(vrps), lines=lines, exit_code=1)
    assert [(one.get("state"), one.get("reason")) for one in got] == [
        ("invalid", "length"),
        (None, None),
        (None, None),
        ("invalid", "as_set"),
        ("not_found", None),
    ]
    assert got[0]["vrps"][0]["asn"] == 64496
    assert "192.0.2.0/33" in got[1]["error"]
    assert [one.get("line") for one in got] == [None, 2, 3, None, None]


HOSTILE = [
    '{"prefix":"192.0.2.0/24","origin":' + "9" * 5_000 + "}",
    '{"prefix":"192.0.2.0/24","origin":1e400}',
    '{"prefix":"192.0.2.0/24","origin":-1}',
    '{"prefix":"192.0.2.0/24","origin":1.5}',
    '{"prefix":"192.0.2.0/24","origin":true}',
    '{"prefix":"192.0.2.0/24"}',
    '{"prefix":"192.0.2.0/24\\u001b[31m","origin":1}',
    '{"prefix":"192.0.2.1/24","origin":1}',
    "[" * 100_000,
    "null",
    "\x00",
]


def test_hostile_lines_cost_themselves_and_blank_ones_nothing(program: Program, vrps: Path) -> None:
    lines = [*HOSTILE, "", "   ", {"prefix": "192.0.2.0/24", "origin": 64496}]
    got = answers(program, "rpki", "validate", "--vrps", str(vrps), lines=lines, exit_code=1)
    assert [one.get("line") for one in got] == [*range(1, len(HOSTILE) + 1), None]
    assert got[-1]["state"] == "valid"


def test_each_line_is_answered_before_the_next_is_read(program: Program, vrps: Path) -> None:
    asked = json.dumps({"prefix": "192.0.2.0/24", "origin": 64496}) + "\n"
    with subprocess.Popen(
        program.command("rpki", "validate", "--vrps", str(vrps)),
        env=program.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(asked)
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["state"] == "valid"
        # Who asked goes away: no traceback.
        process.stdout.close()
        process.stdin.write(asked)
        process.stdin.close()
        assert process.wait(TIMEOUT_S) == 1
        assert process.stderr.read() == ""


def test_paths_are_verified_with_their_failing_hop(program: Program, vrps: Path) -> None:
    lines = [
        {"path": [64499, 64498], "direction": "upstream"},
        {"path": [64496, 64498], "direction": "upstream"},
        {"path": [64496, [1, 2]]},
    ]
    got = answers(program, "rpki", "aspa", "--vrps", str(vrps), lines=lines)
    assert [one["state"] for one in got] == ["invalid", "valid", "invalid"]
    assert got[0]["failing_hop"] == {"customer": 64498, "provider": 64499}
    assert (got[2]["failing_hop"], got[2]["reason"]) == (None, "as_set")
    command = ("rpki", "aspa", "--direction", "upstream", "--vrps", str(vrps))
    said = program.run(*command, "64499", "AS64498").stdout
    assert "AS64498 does not name AS64499 as its provider" in said


def test_sources_are_listed_with_their_state(program: Program, vrps: Path) -> None:
    said = program.run("rpki", "status", "--vrps", str(vrps)).stdout
    assert "fresh, as of 2025-07-20T09:31:33Z" in said
    assert "2 VRPs, 1 ASPAs" in said
    assert "name one" in program.run("rpki", "status", exit_code=2).stderr


def test_a_stale_configured_source_gives_no_verdict(program: Program, vrps: Path) -> None:
    content = json.loads(vrps.read_text())
    del content["roas"][0]["expires"]
    vrps.write_text(json.dumps(content))
    setting = ("--set", f"rpki.vrps={vrps}")
    said = program.run("rpki", "validate", "192.0.2.0/24", "64496", *setting).stdout
    assert said.startswith("192.0.2.0/24 AS64496: unavailable\n")
    assert "is stale: VRPs are older than 7200 s (rpki.stale_after_s)" in said
    assert ": stale" in program.run("rpki", "status", *setting).stdout


def test_an_rtr_cache_is_asked_and_one_that_is_away_is_named(
    program: Program, tmp_path: Path
) -> None:
    with stayrtr(tmp_path, [Vrp("192.0.2.0/24", 24, 64496)]) as cache:
        address = f"127.0.0.1:{cache.port}"
        command = ("rpki", "validate", "192.0.2.0/24", "64496", "--rtr", address)
        assert "valid" in program.run(*command).stdout
    said = program.run(*command, exit_code=3).stderr
    assert said == f"bgptui: VRPs: rtr://{address}: Connection refused\n"
    shown = program.run("rpki", "status", "--rtr", address, exit_code=3)
    assert f"rtr://{address}: error" in shown.stdout
    assert shown.stderr == ""
    wrong = program.run(*command[:-1], "http://192.0.2.1/", exit_code=2).stderr
    assert "takes HOST:PORT" in wrong


def test_every_source_is_waited_for_before_the_first_verdict(
    program: Program, vrps: Path, tmp_path: Path
) -> None:
    with stayrtr(tmp_path, [Vrp("203.0.113.0/24", 24, 64500)]) as cache:
        locations = json.dumps([str(vrps), f"rtr://127.0.0.1:{cache.port}", "rtr://127.0.0.1:9"])
        settings = ("--set", f"rpki.sources={locations}", "--set", "rpki.stale_after_s=31536000")
        shown = program.run("rpki", "status", *settings).stdout
        assert "loading" not in shown
        assert "rtr://127.0.0.1:9: error" in shown
        command = ("rpki", "validate", "203.0.113.0/24", "64500", *settings)
        assert ": valid" in program.run(*command).stdout


def test_a_cache_that_says_nothing_is_given_up_and_named(program: Program) -> None:
    with TcpServer(scripted({}, then=Ending.SILENCE)) as cache:
        address = f"127.0.0.1:{cache.port}"
        command = ("rpki", "validate", "192.0.2.0/24", "64496", "--rtr", address)
        said = program.run(*command, "--set", "rpki.fetch_timeout_s=1", exit_code=3).stderr
    assert said == f"bgptui: VRPs: rtr://{address}: no answer within 1 s\n"


def test_a_replay_says_which_sources_it_leaves_out(
    program: Program, vrps: Path, incident: Incident
) -> None:
    recording = program.home / "one.jsonl"
    with incident.recording.open("rb") as frames:
        recording.write_bytes(next(frames))
    sources = ("--set", 'rpki.sources=["rtr://127.0.0.1:9"]')
    said = program.run("replay", str(recording), "--vrps", str(vrps), *sources).stderr
    assert f"takes {vrps} as it stands and leaves out rtr://127.0.0.1:9" in said
