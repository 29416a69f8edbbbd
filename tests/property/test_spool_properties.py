"""The spool gives back what it was given: every value, in order, torn, full or both."""

import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bgptui.domain.rpki import CoveringVrps, Payload
from bgptui.runtime.metrics import Metrics
from bgptui.store.batch import WriteBatch
from bgptui.store.file_lock import FileLock
from bgptui.store.spool import LOCK_NAME, NoRoom, Spool
from bgptui.store.spool_record import RecordCodec, kept_part, raw_part
from support.batches import alert, messages, metric, window

_BASES: dict[Any, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    str: st.text(max_size=12),
    bytes: st.binary(max_size=12),
    NoneType: st.none(),
}
_SCALARS = st.one_of(_BASES[bool], _BASES[int], _BASES[float], _BASES[str], st.none())
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_BASES[str], inner, max_size=3),
    max_leaves=6,
)


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Every value of a type that stands in a batch; Any is what JSON can say."""
    if annotation in _BASES:
        return _BASES[annotation]
    if annotation is CoveringVrps:  # its text is made from its numbers, so they must fit
        return st.builds(CoveringVrps, st.just("192.0.2.0/24"), st.just((Payload(16, 24, 64500),)))
    if annotation is Any:
        return _JSON
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in {Union, UnionType}:
        return st.one_of([values(argument) for argument in arguments])
    if origin is dict:
        return st.dictionaries(_BASES[str], values(arguments[1]), max_size=3)
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(values(arguments[0]), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*[values(argument) for argument in arguments])
    if issubclass(annotation, Enum):
        return st.sampled_from(list(annotation))
    if issubclass(annotation, msgspec.Struct):
        fields = msgspec.structs.fields(annotation)
        return st.builds(annotation, **{field.name: values(field.type) for field in fields})
    return st.from_type(annotation)


batches = values(WriteBatch).map(lambda batch: replace(batch, health=None))


@given(batches)
@settings(deadline=None)
def test_a_batch_comes_back_equal_and_of_the_same_types(batch: WriteBatch) -> None:
    codec = RecordCodec()
    back = codec.decode(codec.encode(batch))
    assert back == batch
    assert repr(back) == repr(batch)  # an enum is no mere string, a tuple no list


@contextmanager
def spool_in(folder: str, metrics: Metrics, *, max_bytes: int = 2**20) -> Iterator[Spool]:
    directory = Path(folder)
    lock = FileLock(directory / LOCK_NAME)
    spool = Spool(directory, lock=lock, max_bytes=max_bytes, metrics=metrics)
    try:
        yield spool
    finally:
        lock.close()


def read_all(spool: Spool) -> list[WriteBatch]:
    read = []
    while (batch := spool.next(after=0)) is not None:
        read.append(batch)
    return read


def numbered(kinds: list[str]) -> list[WriteBatch]:
    """Batches of these kinds; `both` has messages and windows in one."""
    make: dict[str, Callable[[int], WriteBatch]] = {
        "messages": lambda number: messages(number * 10, 10),
        "window": window,
        "alert": alert,
        "metric": metric,
        "both": lambda number: replace(window(number), raw=messages(number * 10, 3).raw),
    }
    return [
        replace(make[kind](number), sequence=number) for number, kind in enumerate(kinds, start=1)
    ]


kinds = st.lists(
    st.sampled_from(["messages", "window", "alert", "metric", "both"]), min_size=1, max_size=40
)


@given(kinds, st.data())
@settings(deadline=None, max_examples=60)
def test_what_is_read_between_writes_is_what_was_written_in_its_order(
    chosen: list[str], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder, spool_in(folder, Metrics()) as spool:
        wanted = numbered(chosen)
        read: list[WriteBatch] = []
        for batch in wanted:
            spool.append(batch)
            if data.draw(st.booleans()) and (got := spool.next(after=0)) is not None:
                read.append(got)
                spool.release(data.draw(st.integers(0, got.sequence)))
        read += read_all(spool)
        assert read == wanted
        spool.release(len(wanted))
        assert spool.size_bytes == 0
        assert not list(Path(folder).glob("*.segment"))


@given(kinds, st.data())
@settings(deadline=None, max_examples=60)
def test_of_a_file_cut_off_anywhere_a_beginning_is_read_and_all_of_the_other_file(
    chosen: list[str], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        wanted = numbered(chosen)
        with spool_in(folder, Metrics()) as spool:
            for batch in wanted:
                spool.append(batch)
        torn = data.draw(st.sampled_from(sorted(Path(folder).glob("*.segment"))))
        with torn.open("r+b") as file:
            file.truncate(data.draw(st.integers(0, torn.stat().st_size)))
        metrics = Metrics()
        with spool_in(folder, metrics) as spool:
            read = read_all(spool)
        assert [batch.sequence for batch in read] == sorted({batch.sequence for batch in read})
        for part, name in ((raw_part, "raw"), (kept_part, "kept")):
            was = [part(batch) for batch in wanted if part(batch)]
            now = [part(batch) for batch in read if part(batch)]
            assert now == (was[: len(now)] if torn.name.startswith(name) else was)
        assert metrics.drops() in ({}, {"store.spool_torn": 1})


@given(kinds)
@settings(deadline=None, max_examples=60)
def test_a_full_spool_gives_up_messages_and_counts_each_before_it_refuses_anything(
    chosen: list[str],
) -> None:
    metrics = Metrics()
    with (
        tempfile.TemporaryDirectory() as folder,
        spool_in(folder, metrics, max_bytes=4_096) as spool,
    ):
        taken = []
        for batch in numbered(chosen):
            try:
                spool.append(batch)
            except NoRoom:
                break
            taken.append(batch)
            assert spool.size_bytes <= 4_096
        read = {batch.sequence: batch for batch in read_all(spool)}
        for batch in taken:
            kept = read.get(batch.sequence, WriteBatch(now=0.0))
            assert (kept.features, kept.scores, kept.events, kept.alerts) == (
                batch.features, batch.scores, batch.events, batch.alerts
            )  # fmt: skip
        assert rows_of(taken) - rows_of(list(read.values())) == {
            name.removeprefix("store.").removesuffix("_spool_full"): count
            for name, count in metrics.drops().items()
        }


def rows_of(batches: Collection[WriteBatch]) -> Counter[str]:
    return Counter(
        raw=sum(len(batch.raw) for batch in batches),
        metrics=sum(len(batch.metrics) for batch in batches),
    )
