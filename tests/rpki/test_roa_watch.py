"""The ROA monitor on real sources: files that are rewritten, caches that lag, die and come back."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from time import monotonic, sleep, time

from bgptui.config.schema import Rpki, Watch
from bgptui.domain.roa import RoaChange, RoaEvent
from bgptui.domain.rpki import Vrp
from bgptui.pipeline.roa_watch import RoaWatch
from bgptui.routemon.watchlist import Rule, Watchlist
from bgptui.rpki.configured import configured_validator
from bgptui.rpki.source import Ageing
from bgptui.rpki.validator import Validator
from bgptui.runtime.metrics import Metrics
from support.rtr_caches import stayrtr

START = 1_790_000_000.0
HOUR_S = 3_600.0
REFRESH_S = 60.0
STEP_S = 5.0
OWN = Vrp("203.0.113.0/24", 24, 64500, "ripe")
BESIDE = Vrp("203.0.113.0/24", 24, 64666, "arin")
OTHERS = [Vrp(f"10.{n}.0.0/16", 16, 64999, "ripe" if n % 2 else "arin") for n in range(200)]
WATCHLIST = Watchlist([Rule(1, "203.0.113.0/24", (64500,), 24)])
SETTINGS = Watch(roa_settle_s=60.0, roa_expiry_h=2.0)


class Cache:
    """A file as rpki-client writes it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / name

    def publish(self, vrps: Sequence[Vrp], *, at: float, expires: float | None = None) -> None:
        def roa(vrp: Vrp) -> dict[str, object]:
            ends = {"expires": expires if vrp.asn == 64500 else at + 20 * HOUR_S}
            own = {"asn": vrp.asn, "prefix": vrp.prefix, "maxLength": vrp.max_length}
            return own | {"ta": vrp.trust_anchor} | (ends if expires is not None else {})

        document = {"metadata": {"generated": at}, "roas": [roa(vrp) for vrp in vrps]}
        self.path.write_text(json.dumps(document))


class Run:
    """A watch and its sources, driven by a clock of our own."""

    def __init__(
        self, *locations: str, watchlist: Watchlist = WATCHLIST, stale_after_s: float = HOUR_S
    ) -> None:
        first, *more = locations
        rpki = Rpki(
            vrps=first,
            sources=tuple(more),
            refresh_s=REFRESH_S,
            stale_after_s=stale_after_s,
        )
        self.validator: Validator = configured_validator(
            rpki, ageing=Ageing.BY_CLOCK, metrics=Metrics()
        )
        self.watch = RoaWatch(self.validator, watchlist, SETTINGS)
        self.now = START
        self.memory: bytes | None = None

    def until(self, at: float) -> list[RoaChange]:
        """What is told until then."""
        told: list[RoaChange] = []
        while self.now < at:
            self.now += STEP_S
            told += self.look()
        return told

    def look(self) -> list[RoaChange]:
        self.validator.refresh(self.now)
        news = self.watch.look(self.now)
        self.memory = news.memory or self.memory
        return list(news.changes)


def kinds(told: Sequence[RoaChange]) -> list[str]:
    return [each.kind.value if isinstance(each, RoaEvent) else "cleared" for each in told]


def test_a_file_that_is_rewritten_is_told_of_and_its_recovery(tmp_path: Path) -> None:
    cache = Cache(tmp_path, "vrps.json")
    cache.publish([*OTHERS, OWN], at=START)
    run = Run(str(cache.path))
    assert run.until(START + 120) == []
    cache.publish(OTHERS, at=START + 120)
    (lost,) = run.until(START + 300)
    assert isinstance(lost, RoaEvent)
    assert (lost.kind, lost.prefixes) == ("roa_lost", (OWN.prefix,))
    assert lost.evidence[1]["before"][0]["trust_anchor"] == "ripe"
    assert lost.evidence[-1]["source"] == str(cache.path)
    cache.publish([*OTHERS, OWN, BESIDE], at=START + 300)
    assert sorted(kinds(run.until(START + 500))) == ["cleared", "roa_foreign"]


def test_a_cache_that_lags_behind_another_is_no_flapping(tmp_path: Path) -> None:
    first, second = Cache(tmp_path, "a.json"), Cache(tmp_path, "b.json")
    first.publish([*OTHERS, OWN], at=START)
    second.publish([*OTHERS, OWN], at=START)
    run = Run(str(first.path), str(second.path))
    assert run.until(START + 120) == []
    longer = Vrp(OWN.prefix, 26, 64500, "ripe")
    first.publish([*OTHERS, longer], at=START + 120)  # the other says the old for ten minutes
    told = run.until(START + 600)
    second.publish([*OTHERS, longer], at=START + 600)
    told += run.until(START + 1_200)
    assert kinds(told) == ["roa_changed", "roa_changed"]  # the new one, and the old one's end


def test_a_cache_that_dies_takes_nothing_along_that_another_has(tmp_path: Path) -> None:
    first, second = Cache(tmp_path, "a.json"), Cache(tmp_path, "b.json")
    first.publish([*OTHERS, OWN], at=START)
    second.publish([*OTHERS, OWN], at=START)
    run = Run(str(first.path), str(second.path))
    for minute in range(0, 100, 10):
        first.publish([*OTHERS, OWN], at=START + minute * 60)
        assert run.until(START + (minute + 10) * 60) == []
    assert len(run.validator.fresh()) == 1


def test_nothing_is_told_while_every_source_is_stale_nor_when_it_is_back_as_it_was(
    tmp_path: Path,
) -> None:
    cache = Cache(tmp_path, "vrps.json")
    cache.publish([*OTHERS, OWN], at=START, expires=START + 1.5 * HOUR_S)
    run = Run(str(cache.path))
    # It ends in less than two hours: that is told, and the only thing that is.
    assert kinds(run.until(START + 3 * HOUR_S)) == ["roa_expiring"]
    assert run.validator.fresh() == ()
    cache.publish([*OTHERS, OWN], at=START + 3 * HOUR_S, expires=START + 20 * HOUR_S)
    assert kinds(run.until(START + 3.2 * HOUR_S)) == ["cleared"]


def test_all_that_expires_at_once_because_the_source_died_is_not_told_of(tmp_path: Path) -> None:
    cache = Cache(tmp_path, "vrps.json")
    cache.publish([*OTHERS, OWN], at=START, expires=START + 2.5 * HOUR_S)
    run = Run(str(cache.path), stale_after_s=10 * HOUR_S)
    assert run.until(START + 4 * HOUR_S) == []
    cache.publish(OTHERS, at=run.now)
    assert kinds(run.until(START + 4.2 * HOUR_S)) == ["roa_lost"]


def test_what_ends_soon_is_told_until_it_is_renewed(tmp_path: Path) -> None:
    cache = Cache(tmp_path, "vrps.json")
    cache.publish([*OTHERS, OWN], at=START, expires=START + 10 * HOUR_S)
    run = Run(str(cache.path))
    assert run.until(START + 120) == []
    cache.publish([*OTHERS, OWN], at=START + 120, expires=START + HOUR_S)
    (event,) = run.until(START + 300)
    assert isinstance(event, RoaEvent)
    assert event.kind == "roa_expiring"
    assert event.evidence[1]["expires"] == "2026-09-21T15:13:20Z"
    cache.publish([*OTHERS, OWN], at=START + 300, expires=START + 9 * HOUR_S)
    assert kinds(run.until(START + 500)) == ["cleared"]


def test_a_load_that_is_held_back_and_then_believed_is_told_of_in_this_order(
    tmp_path: Path,
) -> None:
    cache = Cache(tmp_path, "vrps.json")
    cache.publish([*OTHERS, OWN], at=START)
    run = Run(str(cache.path))
    run.until(START + 120)
    cache.publish([vrp for vrp in OTHERS if vrp.trust_anchor == "arin"], at=START + 120)
    told = run.until(START + 400)
    assert kinds(told) == ["vrps_held_back", "cleared", "trust_anchor_shrank"]
    shrunk = told[-1]
    assert isinstance(shrunk, RoaEvent)
    assert "Trust anchor ripe has 0 VRPs instead of 101" in shrunk.description
    assert shrunk.prefixes == (OWN.prefix,)
    cache.publish([*OTHERS, OWN], at=START + 400)
    assert kinds(run.until(START + 700)) == ["cleared"]


def test_a_restart_tells_what_happened_meanwhile_and_nothing_else(tmp_path: Path) -> None:
    cache = Cache(tmp_path, "vrps.json")
    cache.publish([*OTHERS, OWN, BESIDE], at=START)
    run = Run(str(cache.path))
    run.until(START + 120)
    cache.publish([*OTHERS, BESIDE], at=START + 200)
    again = Run(str(cache.path))
    again.watch.take_up((), run.memory)
    again.now = START + 200
    assert kinds(again.until(START + 500)) == ["roa_lost"]


def test_an_exchanged_watchlist_is_followed_at_the_next_look(tmp_path: Path) -> None:
    cache = Cache(tmp_path, "vrps.json")
    cache.publish([*OTHERS, OWN], at=START, expires=START + 50 * HOUR_S)
    run = Run(str(cache.path), watchlist=Watchlist(()))
    run.until(START + 120)
    run.watch.set_watchlist(WATCHLIST)
    assert run.until(START + 240) == []
    cache.publish([*OTHERS, OWN], at=START + 240, expires=START + HOUR_S)
    assert kinds(run.until(START + 360)) == ["roa_expiring"]
    cache.publish([*OTHERS, BESIDE], at=START + 360, expires=START + HOUR_S)
    told = kinds(run.until(START + 600))
    assert sorted(told) == ["cleared", "roa_foreign", "roa_lost"]


def test_an_rtr_cache_that_reloads_is_told_of_by_its_delta(tmp_path: Path) -> None:
    with stayrtr(tmp_path, [*OTHERS, OWN]) as cache:
        run = Run(f"rtr://127.0.0.1:{cache.port}")
        run.now = time()
        try:
            _await(lambda: _is_fresh(run.validator))
            assert run.look() == []
            generation = run.validator.generation()
            cache.publish([*OTHERS, BESIDE])
            cache.reload()
            _await(lambda: run.validator.generation() != generation)
            assert run.until(run.now + STEP_S) == []
            told = run.until(run.now + SETTINGS.roa_settle_s)
        finally:
            run.validator.stop()
    assert sorted(kinds(told)) == ["roa_foreign", "roa_lost"]
    lost = next(e for e in told if isinstance(e, RoaEvent) and e.kind == "roa_lost")
    assert lost.rpki_status == "invalid"


def _is_fresh(validator: Validator) -> bool:
    validator.refresh(time())
    return bool(validator.fresh())


def _await(condition: Callable[[], bool]) -> None:
    until = monotonic() + 10.0
    while not condition():
        assert monotonic() < until
        sleep(0.02)
