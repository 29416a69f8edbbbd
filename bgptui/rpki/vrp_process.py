"""A look at a source of VRPs by a process of its own, which hands over what it found and ends.

A hundred megabytes of JSON and a million entries take seconds and hundreds of megabytes. In this
process that would stall whoever shares the interpreter, and what other threads allocate meanwhile
would hold the memory for good.
"""

import os
import subprocess
import sys
import threading
import time

import msgspec
from msgspec import Struct

from bgptui.errors import BadInput, Transient
from bgptui.rpki.vrp_look import Found, Look, look

_LOOK_FOR_PARENT_S = 0.5


class _Failed(Struct):
    """Why nothing was found; `reason` that of a BadInput, None for a Transient."""

    text: str
    reason: str | None


class _Order(Struct):
    asked: Look
    parent: int


class _Answer(Struct):
    found: Found | None = None
    failed: _Failed | None = None


class LookProcess:
    """Runs one child at a time. One thread looks, another may stop it.

    Attributes:
        stopped: no look succeeds any more.
    """

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self.stopped = False
        self._child: subprocess.Popen[bytes] | None = None

    def look(self, asked: Look) -> Found | None:
        """As vrp_look.look.

        Raises:
            Transient: likewise, or the process cannot be started, or ended early.
            BadInput: likewise.
        """
        with self._start(asked.location) as child:
            order = msgspec.msgpack.encode(_Order(asked, os.getpid()))
            try:
                answered, complaints = child.communicate(order)
            finally:
                child.kill()  # where this was interrupted
        if child.returncode:
            said = complaints.decode(errors="replace").strip().rpartition("\n")[2]
            raise Transient(
                f"{asked.location}: the process that was to read it ended with code"
                f" {child.returncode}{said and f': {said}'}"
            )
        answer = msgspec.msgpack.decode(answered, type=_Answer)
        if answer.failed is None:
            return answer.found
        if answer.failed.reason is None:
            raise Transient(answer.failed.text)
        raise BadInput(answer.failed.text, reason=answer.failed.reason)

    def stop(self) -> None:
        """End a look that is under way; there will be no other."""
        with self._starting:
            self.stopped = True
            if self._child is not None:
                self._child.kill()

    def _start(self, location: str) -> "subprocess.Popen[bytes]":
        # It finds this very program wherever it was loaded from, and nothing in the folder that
        # somebody happens to be in. A session of its own: Ctrl-C is not for it.
        path = os.pathsep.join(folder for folder in sys.path if folder)
        with self._starting:
            if self.stopped:
                raise Transient(f"{location}: not read any more")
            try:
                self._child = subprocess.Popen(
                    [sys.executable, "-P", "-m", "bgptui.rpki.vrp_process"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env=os.environ | {"PYTHONPATH": path},
                    start_new_session=True,
                )
            except OSError as error:
                raise Transient(
                    f"{location}: no process can be started to read it: {error.strerror or error}"
                ) from None
            return self._child


def main() -> None:
    """The child: an order from standard input, the answer to standard output."""
    order = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=_Order)
    threading.Thread(target=_end_with, args=(order.parent,), daemon=True).start()
    os.nice(order.asked.nice)
    try:
        answer = _Answer(found=look(order.asked))
    except Transient as error:
        answer = _Answer(failed=_Failed(str(error), None))
    except BadInput as error:
        answer = _Answer(failed=_Failed(str(error), error.reason))
    sys.stdout.buffer.write(msgspec.msgpack.encode(answer))


def _end_with(parent: int) -> None:
    """Nobody waits for the answer once the parent is gone, however it went."""
    while os.getppid() == parent:
        time.sleep(_LOOK_FOR_PARENT_S)
    os._exit(1)


if __name__ == "__main__":
    main()
