"""The network is pulled for 90 seconds under the real pipeline: one gap, one alert, no harm."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from bgptui.app import collector
from bgptui.config.schema import Config, Feed, Store
from bgptui.pipeline.inputs import Inputs
from bgptui.pipeline.topology import Leg, Pipeline
from bgptui.sources.playback import Pacing, Times
from bgptui.sources.ris_server import RisServer, TimedFrame
from bgptui.store.connect import Database
from support.awaiting import rows
from support.network import Cable

START = 1_767_787_200.0  # a minute's begin; the feed is live from here on
HISTORY_S = 75 * 60
PULLED_S = 90.0
Frames = Callable[[], Iterator[TimedFrame]]
PEERS = [(host, f"192.0.2.{number}") for host in ("rrc00", "rrc01") for number in (1, 2, 3)]


def frames(begin: float, seconds: int) -> Iterator[TimedFrame]:
    """Two collectors with three peers each, an announcement a second of every one."""
    rng = Random(7)
    for second in range(seconds):
        for number, (host, address) in enumerate(PEERS):
            timestamp = round(begin + second + 0.1 * number, 2)
            prefixes = [f"10.{number}.{rng.randrange(256)}.0/24" for _ in range(2)]
            data = {
                "timestamp": timestamp,
                "peer": address if host == "rrc00" else address.replace(".2.", ".3."),
                "peer_asn": str(64500 + number),
                "id": f"{number}-{timestamp}",
                "host": f"{host}.ripe.net",
                "type": "UPDATE",
                "path": [64500 + number, 64510, 64511],
                "announcements": [{"next_hop": address, "prefixes": prefixes}],
            }
            yield timestamp, json.dumps({"type": "ris_message", "data": data}).encode()


class FastClock:
    """A wall clock that runs `speed` times as fast; it begins with the first look at it."""

    is_event_time = False

    def __init__(self, start: float, speed: float) -> None:
        self._start = start
        self._speed = speed
        self._begun: float | None = None

    def now(self) -> float:
        if self._begun is None:
            self._begun = time.monotonic()
        return self._start + (time.monotonic() - self._begun) * self._speed

    def observe(self, timestamp: float) -> None: ...


class Run:
    """The pipeline on a served feed, on a clock that runs `speed` times as fast."""

    def __init__(self, folder: Path, database: str, feed: Frames, speed: float) -> None:
        self.database = database
        self.speed = speed
        self.within_s = 300.0 / speed + 20.0
        self.alerts = "select alert_type, status, collector, severity from alerts"
        self._folder = folder
        self._history = folder / "history.jsonl"
        lines = (frame + b"\n" for _, frame in frames(START - HISTORY_S, HISTORY_S))
        self._history.write_bytes(b"".join(lines))
        self._server = RisServer(feed, pacing=Pacing(speed=speed, times=Times.RECORDED))

    @contextmanager
    def collecting(self, **timeouts: Any) -> Iterator[tuple[Pipeline, Cable]]:
        """The collector, and what connects it to the feed; keywords go into [feed]."""
        self._server.start()
        port = int(self._server.url.rpartition(":")[2].partition("/")[0])
        with Cable(port) as cable:
            config = Config(
                feed=Feed(url=f"ws://127.0.0.1:{cable.port}/v1/ws/", **timeouts),
                store=Store(spool_dir=str(self._folder / "spool")),
            )
            opened = Database.of(self.database, self._folder)
            with opened, collector(config, opened, legs=self._legs) as pipeline:
                yield pipeline, cable
        self._server.stop()

    def _legs(self, inputs: Inputs) -> list[Leg]:
        live = msgspec.structs.replace(inputs.live(), clock=FastClock(START, self.speed))
        return [inputs.recording([str(self._history)]), live]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return rows(self.database, query)

    def until(self, query: str, *, what: str) -> None:
        """Wait until a query of one count gives another than 0."""
        deadline = time.monotonic() + self.within_s
        while self.rows(query) == [(0,)]:
            assert time.monotonic() < deadline, f"{what} did not come in {self.within_s:.0f} s"
            time.sleep(0.02)

    def assert_seen_or_gap(self) -> None:
        """Minutes that the one gap touches say so, and no other; none of zeros was learned."""
        touching = (
            "select count(*) from features f, feed_gaps g"
            " where (g.collector is null or f.collector is null or g.collector = f.collector)"
            " and f.timestamp < g.gap_end and f.timestamp + interval '1 minute' > g.gap_start"
        )
        assert self.rows(f"{touching} and not f.gap") == [(0,)]
        stopped = "(select max(timestamp) - interval '1 minute' from features)"
        marked = f"select count(*) from features where gap and timestamp < {stopped}"
        assert self.rows(marked) == self.rows(f"{touching} and f.timestamp < {stopped}")
        assert self.rows("select count(*) from features where not gap and messages = 0") == [(0,)]
        assert self.rows(
            "select count(*) from features f join ml_results m on m.feature_id = f.id"
            " where f.gap and (m.ensemble_score is not null or f.zscores[1] is not null)"
        ) == [(0,)]
        assert self.rows(
            "select count(*) > 0 from features f, feed_gaps g where f.timestamp > g.gap_end"
            " and f.zscores[1] is not null"
        ) == [(True,)]


NETWORK_MINUTES = "select count(*) from features where peer_addr is null and not gap"
ENDED = "select count(*) from feed_gaps where gap_end is not null"
GAPS = (
    "select reason, collector, extract(epoch from gap_start)::float8,"
    " extract(epoch from gap_end - gap_start)::float8 from feed_gaps"
)


@pytest.mark.parametrize(
    "speed", [40.0, pytest.param(1.0, marks=pytest.mark.faults)], ids=["scaled", "real"]
)
def test_pulling_the_network_for_90_seconds_is_one_gap_and_one_alert_that_resolves(
    speed: float, tmp_path: Path, database: str
) -> None:
    run = Run(tmp_path, database, lambda: frames(START, 3_600), speed)
    default = Feed()
    scaled = {
        name: getattr(default, name) / speed
        for name in ("silence_timeout_s", "ping_interval_s", "ping_timeout_s", "backoff_first_s")
    }
    with run.collecting(**scaled) as (_, cable):
        live = f"{NETWORK_MINUTES} and timestamp >= to_timestamp({START})"
        run.until(live, what="the first live minute")
        cable.pull()
        threading.Event().wait(PULLED_S / speed)
        cable.plug_in()
        run.until(ENDED, what="the gap's end")
        run.until(
            f"{NETWORK_MINUTES} and timestamp > (select gap_end from feed_gaps)",
            what="a minute after it",
        )
    [(reason, whose, _, lasted_s)] = run.rows(GAPS)
    assert (reason, whose) == ("silence", None)
    assert PULLED_S - 5 <= lasted_s <= PULLED_S + 90
    assert run.rows(run.alerts) == [("feed_gap", "resolved", None, "high")]
    run.assert_seen_or_gap()


def test_a_collector_that_falls_silent_is_a_gap_of_its_own_all_the_way_to_the_rows(
    tmp_path: Path, database: str
) -> None:
    away = (START + 400, START + 400 + 240)

    def feed() -> Iterator[TimedFrame]:
        for at, frame in frames(START, 3_600):
            if b"rrc01" not in frame or not away[0] <= at < away[1]:
                yield at, frame

    run = Run(tmp_path, database, feed, speed=100.0)
    with run.collecting() as (pipeline, _):
        run.until("select count(*) from feed_gaps", what="the gap")
        freshness = {each.name: each for each in pipeline.health().freshness}
        assert freshness["rrc01"].gap_since == pytest.approx(away[0], abs=1.5)
        assert (freshness["rrc01"].gap_reason, freshness["rrc00"].gap_since) == ("silence", None)
        run.until(ENDED, what="the gap's end")
        run.until(
            f"{NETWORK_MINUTES} and timestamp > (select gap_end from feed_gaps)",
            what="a minute after it",
        )
    [(reason, whose, start, lasted_s)] = run.rows(GAPS)
    assert (reason, whose) == ("silence", "rrc01")
    assert start == pytest.approx(away[0], abs=1.5)
    assert lasted_s == pytest.approx(away[1] - away[0], abs=1.5)
    assert run.rows(run.alerts) == [("feed_gap", "resolved", "rrc01", "medium")]
    run.assert_seen_or_gap()
    others = "select count(*) from features where gap and collector = 'rrc00' and timestamp <"
    assert run.rows(f"{others} (select gap_end from feed_gaps)") == [(0,)]
