"""A worker drains its channel, retries what is away, counts bad input and reports the rest."""

from collections.abc import Callable

from msgspec import Struct

from bgptui.errors import BadInput, Transient
from bgptui.runtime.channel import Channel
from bgptui.runtime.metrics import Metrics
from bgptui.runtime.worker import Failure, Worker


class Numbers(Struct):
    now: float
    values: list[int]


class Recorder:
    """A stage that keeps what it was given and raises what it is told to."""

    def __init__(self, errors: list[Exception] | None = None) -> None:
        self.seen: list[int] = []
        self.ticks: list[float] = []
        self.flushed = 0
        self._errors = errors or []

    def process(self, batch: Numbers, now: float) -> None:
        if self._errors:
            raise self._errors.pop(0)
        self.seen += batch.values

    def tick(self, now: float) -> None:
        self.ticks.append(now)

    def flush(self) -> None:
        self.flushed += 1


def run(
    stage: Recorder, batches: list[Numbers], on_done: Callable[[], None] = lambda: None
) -> tuple[Metrics, Failure]:
    metrics, failure = Metrics(), Failure()
    inbox: Channel[Numbers] = Channel("inbox", capacity=8)
    for batch in batches:
        inbox.put(batch)
    inbox.close()
    worker = Worker(
        "count",
        stage,
        inbox,
        metrics=metrics,
        failure=failure,
        tick_time=lambda: None,
        on_done=on_done,
    )
    worker.start()
    assert worker.join(30)
    return metrics, failure


def test_a_closed_channel_is_drained_then_the_stage_is_flushed_and_the_next_told() -> None:
    stage, done = Recorder(), list[str]()
    run(stage, [Numbers(1, [1]), Numbers(2, [2])], lambda: done.append("done"))
    assert (stage.seen, stage.flushed, done) == ([1, 2], 1, ["done"])


def test_a_batch_that_met_a_transient_error_is_tried_again() -> None:
    stage = Recorder([Transient("the database is away")])
    metrics, failure = run(stage, [Numbers(1, [1])])
    assert stage.seen == [1]
    assert failure.error is None
    assert metrics.drops() == {}


def test_bad_input_is_counted_by_reason_and_the_rest_goes_on() -> None:
    stage = Recorder([BadInput("prefix 'x'", reason="bad_prefix")])
    metrics, failure = run(stage, [Numbers(1, [1]), Numbers(2, [2])])
    assert stage.seen == [2]
    assert metrics.drops() == {"count.bad_prefix": 1}
    assert failure.error is None


def test_any_other_error_is_reported_and_the_next_stage_is_told_all_the_same() -> None:
    error, done = ValueError("a bug"), list[str]()
    _, failure = run(Recorder([error]), [Numbers(1, [1])], lambda: done.append("done"))
    assert failure.error is error
    assert failure.happened.is_set()
    assert done == ["done"]


def test_an_idle_worker_ticks_with_the_time_it_is_given() -> None:
    stage = Recorder()
    inbox: Channel[Numbers] = Channel("inbox", capacity=1)

    def tick_time() -> float:
        inbox.close()
        return 42.0

    worker = Worker(
        "count",
        stage,
        inbox,
        metrics=Metrics(),
        failure=Failure(),
        tick_time=tick_time,
        on_done=lambda: None,
    )
    worker.start()
    assert worker.join(30)
    assert stage.ticks == [42.0]


def test_a_worker_that_is_abandoned_gives_up_what_waits_and_counts_it() -> None:
    class Away(Recorder):
        def process(self, batch: Numbers, now: float) -> None:
            worker.abandon()
            raise Transient("away for good")

    stage, metrics = Away(), Metrics()
    inbox: Channel[Numbers] = Channel("inbox", capacity=1)
    inbox.put(Numbers(1, [1]))
    inbox.close()
    worker = Worker(
        "count",
        stage,
        inbox,
        metrics=metrics,
        failure=Failure(),
        tick_time=lambda: None,
        on_done=lambda: None,
    )
    worker.start()
    assert worker.join(30)
    assert metrics.drops() == {"count.batch_abandoned": 1}
