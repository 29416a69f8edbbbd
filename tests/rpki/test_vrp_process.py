"""VRPs read by a process of their own, against the same read in this one."""

import contextlib
import errno
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bgptui.errors import BadInput, Transient
from bgptui.rpki.vrp_look import Look, look
from bgptui.rpki.vrp_process import LookProcess

DEADLINE_S = 10.0
PAUSE_S = 0.02

ROA = {"asn": 64496, "prefix": "192.0.2.0/24", "maxLength": 25, "ta": "ripe", "expires": 2_000}
DOCUMENT = {
    "metadata": {"buildtime": "2025-07-20T09:31:33Z"},
    "roas": [
        ROA,
        ROA | {"prefix": "2001:db8::/32", "maxLength": 48, "ta": "apnic"},
        ROA | {"expires": 1_000, "asn": 1},
        ROA | {"prefix": "x"},
    ],
    "aspas": [{"customer_asid": 64496, "providers": [64497, 64498]}],
}


def asked(path: Path) -> Look:
    return Look(
        str(path), None, timeout_s=5.0, max_bytes=100_000, expired_at=1_500.0, built_at=5.0, nice=1
    )


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A file that a reader waits for until somebody writes to it."""
    path = tmp_path / "vrps.json"
    os.mkfifo(path)
    return path


def test_another_process_finds_what_this_one_would(tmp_path: Path) -> None:
    path = tmp_path / "vrps.json"
    path.write_text(json.dumps(DOCUMENT))
    found = LookProcess().look(asked(path))
    assert found is not None
    assert found == look(asked(path))
    assert (len(found.file.vrps), found.file.expired, found.file.refused) == (
        2,
        1,
        {"bad_prefix": 1},
    )
    again = Look(str(path), found.version, timeout_s=5.0, max_bytes=100_000)
    assert LookProcess().look(again) is None


def test_what_is_wrong_with_a_source_is_said_as_in_this_process(tmp_path: Path) -> None:
    path = tmp_path / "vrps.json"
    with pytest.raises(Transient, match="cannot be read: No such file"):
        LookProcess().look(asked(path))
    path.write_text("[]")
    with pytest.raises(BadInput, match="holds no VRPs") as caught:
        LookProcess().look(asked(path))
    assert caught.value.reason == "not_vrps"


def test_nothing_in_the_present_folder_is_taken_for_a_part_of_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "msgspec.py").write_text("raise SystemExit('wrong module')")
    (tmp_path / "vrps.json").write_text(json.dumps(DOCUMENT))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    assert LookProcess().look(asked(Path("vrps.json"))) is not None


def test_a_look_that_is_stopped_ends_at_once_and_there_is_no_other(pipe: Path) -> None:
    process, ended = LookProcess(), threading.Event()

    def look_in_vain() -> None:
        with pytest.raises(Transient, match="ended with code -9"):
            process.look(asked(pipe))
        ended.set()

    looking = threading.Thread(target=look_in_vain)
    looking.start()
    with once_read(pipe):
        process.stop()
        assert ended.wait(5.0)
    looking.join()
    with pytest.raises(Transient, match="not read any more"):
        process.look(asked(pipe))


PARENT = """
import sys
from bgptui.rpki.vrp_look import Look
from bgptui.rpki.vrp_process import LookProcess
LookProcess().look(Look(sys.argv[1], None, timeout_s=60.0, max_bytes=100_000))
"""


def test_no_reader_outlives_a_program_that_is_killed(pipe: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(pipe)]
    with subprocess.Popen(command) as parent, once_read(pipe) as writer:
        parent.kill()
        parent.wait()
        deadline = time.monotonic() + DEADLINE_S
        while is_read(writer) and time.monotonic() < deadline:
            time.sleep(PAUSE_S)
        assert not is_read(writer)


@contextlib.contextmanager
def once_read(pipe: Path) -> Iterator[int]:
    """The pipe's end to write to, when somebody has opened the other."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            break
        except OSError as error:
            if error.errno != errno.ENXIO or time.monotonic() > deadline:
                raise
            time.sleep(PAUSE_S)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def is_read(descriptor: int) -> bool:
    """Whether somebody has the other end open."""
    try:
        os.write(descriptor, b" ")
    except BrokenPipeError:
        return False
    return True
