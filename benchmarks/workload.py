"""What benchmarks feed the pipeline with: frames, VRPs and a watchlist, as files of a folder."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.generator import FeedShape, frames, origin, prefix

FRAMES = "frames.jsonl"
VRPS = "vrps.json"
WATCHLIST = "watch.toml"


def write_frames(folder: Path, count: int, *, seed: int, shape: FeedShape) -> int:
    """Write `count` frames, a line each; their size in bytes."""
    path = folder / FRAMES
    with path.open("wb") as recording:
        recording.writelines(frame + b"\n" for frame in frames(count, seed=seed, shape=shape))
    return path.stat().st_size


def write_vrps(folder: Path, count: int, *, shape: FeedShape, aspas: int = 0) -> None:
    """Write VRPs of every second prefix of the feed, and of as many others as it takes; and ASPAs
    of three providers each."""
    heard = min(count, shape.prefixes // 2)
    others = range(shape.prefixes, shape.prefixes + count - heard)
    roas = [
        _roa(number) for numbers in (_spread(heard, shape.prefixes), others) for number in numbers
    ]
    attested = [
        {"customer_asid": 100_000 + number, "providers": [number + 1, number + 7, number + 20]}
        for number in range(aspas)
    ]
    metadata = {"buildtime": "2026-01-07T10:00:00Z"}
    document = {"metadata": metadata, "roas": roas, "aspas": attested}
    (folder / VRPS).write_text(json.dumps(document))


def write_watchlist(folder: Path, count: int, *, shape: FeedShape) -> None:
    """Write rules for `count` prefixes of the feed."""
    rules: Iterable[str] = (
        f'[[prefix]]\nprefix = "{prefix(number)}"\norigins = [{origin(number)}]\n'
        for number in _spread(count, shape.prefixes)
    )
    (folder / WATCHLIST).write_text("".join(rules))


def _roa(number: int) -> dict[str, object]:
    text = prefix(number)
    return {"prefix": text, "asn": origin(number), "maxLength": int(text.rpartition("/")[2])}


def _spread(count: int, total: int) -> Iterator[int]:
    return (number * total // count for number in range(count))
