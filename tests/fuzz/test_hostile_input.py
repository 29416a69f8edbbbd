"""Whatever comes in from outside: no exception escapes, memory is bounded, values are possible.

`make fuzz` spends BGPTUI_FUZZ_S seconds, ten minutes by default, in equal parts on every target
with Hypothesis (values at their edges) and with atheris (new paths through the code).
"""

import importlib.util
import logging
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from support.fuzz_targets import TARGETS, Target
from support.mutations import mutated_bytes, mutated_json

TOTAL_S = float(os.environ.get("BGPTUI_FUZZ_S", "600"))
ENGINES = 2
SHARE_S = TOTAL_S / (len(TARGETS) * ENGINES)
# Above what the process has to begin with. A step of zstd may give 128 MiB at once.
BOUND_MIB = 300
EXAMPLES = 1_000
TESTS = Path(__file__).parents[1]
SHARED = TESTS.parents[1] / "shared"

targets = pytest.mark.parametrize("name", TARGETS)


@pytest.fixture
def shared_or_none() -> Path | None:
    """Seeds out of shared/ are welcome and not needed."""
    return SHARED if SHARED.is_dir() else None


@pytest.fixture(autouse=True)
def _without_log() -> Iterator[None]:
    """Every second input is worth a warning, and pytest would keep them all."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@contextmanager
def memory_bound(mib: int) -> Iterator[None]:
    """What allocates more than that inside raises MemoryError."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    bound = pages * resource.getpagesize() + mib * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (bound, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@targets
def test_the_seeds_do_no_harm(name: str, shared_or_none: Path | None) -> None:
    target = TARGETS[name]
    seeds = target.seeds(shared_or_none)
    assert seeds
    for seed in seeds:
        target.run(seed)


@pytest.mark.fuzz
@targets
def test_almost_right_input_does_no_harm(name: str, shared_or_none: Path | None) -> None:
    target = TARGETS[name]
    end = time.monotonic() + SHARE_S
    with memory_bound(BOUND_MIB):
        while time.monotonic() < end:
            _try_examples(target, target.seeds(shared_or_none))


def _try_examples(target: Target, seeds: list[bytes]) -> None:
    inputs = mutated_bytes(seeds)
    if target.is_json:
        inputs |= mutated_json(seeds)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs)
    def harmless(octets: bytes) -> None:
        target.run(octets)

    harmless()


@pytest.mark.fuzz
@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="atheris is not installed (there are wheels for x86-64 Linux and CPython 3.11-3.13)",
)
@targets
def test_new_paths_do_no_harm(name: str, shared_or_none: Path | None, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "support.fuzz_with_atheris",
            name,
            str(shared_or_none or "-"),
            str(corpus),
            f"-max_total_time={SHARE_S:.0f}",
            f"-artifact_prefix={tmp_path}/",
            "-max_len=16384",
            "-timeout=10",
            "-rss_limit_mb=600",
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=SHARE_S + 120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-5_000:]
