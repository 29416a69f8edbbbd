"""How fast the spool takes messages and gives them back: `python -m benchmarks.spool`."""

import argparse
import tempfile
import time
from pathlib import Path
from random import Random

from bgptui.domain.record import MessageRecord
from bgptui.domain.routing import BgpMessage, MessageType, Peer
from bgptui.runtime.metrics import Metrics
from bgptui.store.batch import WriteBatch
from bgptui.store.file_lock import FileLock
from bgptui.store.spool import LOCK_NAME, Spool

_START = 1_767_780_000.0


def main() -> None:
    """Print a line for each size of batch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=400_000)
    parser.add_argument("--directory", help="where the spool lies, instead of a temporary folder")
    arguments = parser.parse_args()
    rng = Random(1)
    records = [_record(number, rng) for number in range(20_000)]
    for size in (256, 100, 10):
        _measure(records, size, arguments.messages, arguments.directory)


def _measure(records: list[MessageRecord], size: int, count: int, place: str | None) -> None:
    pieces = [tuple(records[start : start + size]) for start in range(0, len(records), size)]
    batches = count // size
    with tempfile.TemporaryDirectory(dir=place) as folder:
        lock = FileLock(Path(folder) / LOCK_NAME)
        spool = Spool(Path(folder), lock=lock, max_bytes=2**34, metrics=Metrics())
        started = time.perf_counter()
        for number in range(1, batches + 1):
            raw = pieces[number % len(pieces)]
            spool.append(WriteBatch(now=_START, raw=raw, sequence=number))
        spool.sync()
        written_s = time.perf_counter() - started
        size_bytes = spool.size_bytes
        started = time.perf_counter()
        while (batch := spool.next(after=0)) is not None:
            spool.release(batch.sequence)
        read_s = time.perf_counter() - started
        lock.close()
    print(
        f"batches of {size:>3}: written {batches * size / written_s:>9,.0f} messages/s, "
        f"read {batches * size / read_s:>9,.0f} messages/s, "
        f"{size_bytes / batches / size:.0f} bytes a message"
    )


def _record(number: int, rng: Random) -> MessageRecord:
    """A message of the size and variety of a full feed's, without its frame."""
    peer = rng.randrange(500)
    message = BgpMessage(
        _START + number / 1_000,
        Peer(f"rrc{peer % 20:02}", f"192.0.{peer % 256}.1", 64496 + peer),
        MessageType.UPDATE,
        announced=tuple(
            f"{rng.randrange(1, 223)}.{rng.randrange(256)}.{rng.randrange(256)}.0/24"
            for _ in range(rng.choice((1, 1, 2, 4)))
        ),
        as_path=tuple(rng.randrange(400_000) for _ in range(5)),
        next_hops=("192.0.2.1",),
        communities=tuple(
            (rng.randrange(65_535), rng.randrange(65_535)) for _ in range(rng.choice((0, 4, 8)))
        ),
    )
    return MessageRecord(message, False, int(_START))


if __name__ == "__main__":
    main()
