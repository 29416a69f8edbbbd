"""The RTR client against stayrtr, and origin validation against BIRD."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from bgptui.config.schema import Rpki
from bgptui.domain.prefix import format_prefix, parse_prefix
from bgptui.domain.rpki import RpkiState, Vrp
from bgptui.rpki.configured import configured_validator
from bgptui.rpki.source import Ageing
from bgptui.rpki.validator import Validator
from bgptui.runtime.metrics import Metrics
from support.certificates import self_signed
from support.rtr_caches import bird, free_ports, stayrtr

SYNC_S = 20.0
HERE = [Vrp(f"10.{n}.0.0/16", 24, 64496) for n in range(20)] + [Vrp("2001:db8::/32", 48, 64497)]


@pytest.fixture
def validator() -> Iterator[Callable[..., Validator]]:
    """Makes validators, and stops them."""
    made = []

    def make(*locations: str, **settings: object) -> Validator:
        rpki = Rpki(sources=locations, fetch_timeout_s=5.0, **settings)  # type: ignore[arg-type]
        made.append(configured_validator(rpki, ageing=Ageing.BY_CLOCK, metrics=Metrics()))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def until(vrps: Validator, reached: Callable[[], bool]) -> None:
    """Keep refreshing, as the pipeline does, until a condition holds."""
    give_up = time.monotonic() + SYNC_S
    while not reached():
        assert time.monotonic() < give_up, vrps.statuses()
        vrps.refresh(time.time())
        time.sleep(0.01)


def state(vrps: Validator, prefix: str, origin: int) -> RpkiState:
    return vrps.validate(prefix, origin).state


def test_a_full_synchronisation_puts_the_caches_vrps_in_force(
    tmp_path: Path, validator: Callable[..., Validator]
) -> None:
    with stayrtr(tmp_path, HERE) as cache:
        vrps = validator(f"rtr://127.0.0.1:{cache.port}")
        assert vrps.health().state == "loading"
        until(vrps, lambda: vrps.health().state == "fresh")
        assert state(vrps, "10.3.0.0/16", 64496) is RpkiState.VALID
        assert state(vrps, "10.3.0.0/25", 64496) is RpkiState.INVALID
        assert state(vrps, "2001:db8:1::/48", 64497) is RpkiState.VALID
        evidence = vrps.validate("10.3.0.0/16", 64496)
        assert "RTR v" in evidence.source
        assert "serial" in evidence.source
        assert (vrps.health().vrps, vrps.health().error) == (21, "")


def test_a_delta_changes_only_what_it_names(
    tmp_path: Path, validator: Callable[..., Validator]
) -> None:
    with stayrtr(tmp_path, HERE) as cache:
        vrps = validator(f"rtr://127.0.0.1:{cache.port}")
        until(vrps, lambda: vrps.health().state == "fresh")
        generation = vrps.generation()
        cache.publish([*HERE[1:], Vrp("198.51.100.0/24", 24, 64500)])
        cache.reload()
        until(vrps, lambda: state(vrps, "198.51.100.0/24", 64500) is RpkiState.VALID)
        assert state(vrps, "10.0.0.0/16", 64496) is RpkiState.NOT_FOUND
        latest, changed = vrps.changes_since(generation)
        assert changed is not None
        assert list(changed) == ["10.0.0.0/16", "198.51.100.0/24"]
        assert latest == generation + 1
        until(vrps, lambda: "serial 1" in vrps.statuses()[0].detail)


def test_a_cache_that_dies_leaves_its_vrps_in_force_and_is_found_again_in_a_new_session(
    tmp_path: Path, validator: Callable[..., Validator]
) -> None:
    with stayrtr(tmp_path, HERE) as cache:
        vrps = validator(f"rtr://127.0.0.1:{cache.port}")
        until(vrps, lambda: vrps.health().state == "fresh")
        first = vrps.statuses()[0].detail
        cache.stop()
        until(vrps, lambda: vrps.health().error != "")
        assert (vrps.health().state, state(vrps, "10.3.0.0/16", 64496)) == (
            "fresh",
            RpkiState.VALID,
        )
        cache.publish([*HERE, Vrp("198.51.100.0/24", 24, 64500)])
        time.sleep(1.1)  # stayrtr's session id is the second in which it starts
        cache.start()
        until(vrps, lambda: state(vrps, "198.51.100.0/24", 64500) is RpkiState.VALID)
        until(vrps, lambda: vrps.statuses()[0].detail != first and not vrps.health().error)


def test_what_a_cache_said_expires(tmp_path: Path, validator: Callable[..., Validator]) -> None:
    with stayrtr(tmp_path, HERE) as cache:
        vrps = validator(f"rtr://127.0.0.1:{cache.port}")
        until(vrps, lambda: vrps.health().state == "fresh")
        vrps.refresh(time.time() + 601)
        assert (vrps.health().state, state(vrps, "10.3.0.0/16", 64496)) == (
            "stale",
            RpkiState.UNAVAILABLE,
        )


def test_a_sudden_shrinkage_is_held_back(
    tmp_path: Path, validator: Callable[..., Validator]
) -> None:
    with stayrtr(tmp_path, HERE) as cache:
        vrps = validator(f"rtr://127.0.0.1:{cache.port}")
        until(vrps, lambda: vrps.health().state == "fresh")
        cache.publish(HERE[:3])
        cache.reload()
        until(vrps, lambda: "3 VRPs instead of 21" in vrps.health().error)
        assert state(vrps, "10.19.0.0/16", 64496) is RpkiState.VALID
        # The next notice makes the client look again, and what it sees then is believed.
        cache.publish([*HERE[:2], Vrp("198.51.100.0/24", 24, 64500)])
        cache.reload()
        until(vrps, lambda: state(vrps, "10.19.0.0/16", 64496) is RpkiState.NOT_FOUND)
        assert state(vrps, "198.51.100.0/24", 64500) is RpkiState.VALID


def test_outdated_aspas_are_refused_and_version_1_is_spoken_instead(
    tmp_path: Path, validator: Callable[..., Validator]
) -> None:
    with stayrtr(tmp_path, HERE) as cache:
        cache.stop()
        cache.publish(HERE, {64496: (64497, 64498)})
        cache.start()
        vrps = validator(f"rtr://127.0.0.1:{cache.port}")
        until(vrps, lambda: vrps.health().state == "fresh")
        assert "RTR v1" in vrps.statuses()[0].detail


def test_two_caches_are_united_and_one_that_dies_is_not_missed(
    tmp_path: Path, validator: Callable[..., Validator]
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    other = Vrp("198.51.100.0/24", 24, 64500)
    with stayrtr(first, HERE) as one, stayrtr(second, [*HERE, other]) as two:
        vrps = validator(f"rtr://127.0.0.1:{one.port}", f"rtr://127.0.0.1:{two.port}")
        until(vrps, lambda: vrps.health().vrps == 22)
        one.stop()
        until(vrps, lambda: vrps.health().error != "")
        assert vrps.health().state == "fresh"
        assert state(vrps, "198.51.100.0/24", 64500) is RpkiState.VALID


def test_tls_takes_a_certificate_that_somebody_vouches_for(
    tmp_path: Path, validator: Callable[..., Validator]
) -> None:
    key, certificate = self_signed(tmp_path)
    port = free_ports(1)[0]
    tls = ("-tls.bind", f"127.0.0.1:{port}", "-tls.cert", str(certificate), "-tls.key", str(key))
    with stayrtr(tmp_path, HERE, *tls):
        refused = validator(f"rtrs://127.0.0.1:{port}")
        until(refused, lambda: refused.health().state == "error")
        assert "certificate" in refused.health().error.lower()
        taken = validator(f"rtrs://127.0.0.1:{port}", rtr_ca_file=str(certificate))
        until(taken, lambda: taken.health().state == "fresh")


def random_address(rng: Random, width: int) -> int:
    """Unicast; half of them near one another, so that they cover each other."""
    if width == 128:
        return (0x2001 + rng.choice((0, rng.randrange(0x1000)))) << 112 | rng.getrandbits(112)
    first = rng.choice((10, rng.choice([n for n in range(1, 224) if n != 127])))
    return first << 24 | rng.choice((rng.getrandbits(24), rng.getrandbits(4) << 20))


def random_prefix(rng: Random) -> tuple[int, int, int]:
    """(width, address, length): every length there is, the common ones more often."""
    width = rng.choice((32, 32, 128))
    usual = (16, 20, 24) if width == 32 else (32, 40, 48)
    length = rng.choice((*usual, *usual, rng.randrange(4, width + 1), width))
    return width, random_address(rng, width) >> (width - length) << (width - length), length


def random_vrps(rng: Random, count: int) -> list[Vrp]:
    """Unicast, since BIRD takes no other; and AS 0 is among the ASes."""
    vrps = set[Vrp]()
    while len(vrps) < count:
        width, address, length = random_prefix(rng)
        prefix = format_prefix(width, address, length)
        for _ in range(rng.choice((1, 1, 1, 2, 5))):  # on one prefix
            more = rng.choice((0, 0, 1, 4, 8, width))
            vrps.add(Vrp(prefix, min(width, length + more), rng.randrange(5)))
    return sorted(vrps)


def random_routes(rng: Random, vrps: list[Vrp]) -> list[tuple[str, int]]:
    """Anywhere; at what is published; and just within, at and beyond its maximum length."""
    routes = [(format_prefix(*random_prefix(rng)), rng.randrange(6)) for _ in range(2_000)]
    for _ in range(1_000):
        length = rng.randrange(33)
        address = rng.getrandbits(32) >> (32 - length) << (32 - length)
        routes.append((format_prefix(32, address, length), rng.randrange(6)))
    for near in rng.choices(vrps, k=3_000):
        width, address, least = parse_prefix(near.prefix)
        length = near.max_length + rng.choice((-1, 0, 1))
        length = min(max(length, least), width)
        below = rng.getrandbits(length - least) << (width - length) if length > least else 0
        routes.append((format_prefix(width, address | below, length), rng.choice((near.asn, 9))))
    return routes


# stayrtr serves no such prefix: a file does, beside it.
OF_EVERYTHING = (
    Vrp("0.0.0.0/0", 0, 3),
    Vrp("0.0.0.0/0", 9, 4),
    Vrp("::/0", 12, 3),
    Vrp("::/0", 128, 0),
)


@pytest.mark.parametrize("own", [(), OF_EVERYTHING], ids=["cache", "cache and file"])
def test_thousands_of_random_routes_have_the_states_that_bird_gives_with_the_same_cache(
    tmp_path: Path, validator: Callable[..., Validator], own: tuple[Vrp, ...]
) -> None:
    rng = Random(8)
    vrps = random_vrps(rng, 2_000)
    count = len(vrps) + len(own)
    routes = random_routes(rng, [*vrps, *own])
    roas = [{"prefix": v.prefix, "maxLength": v.max_length, "asn": v.asn} for v in own]
    file = tmp_path / "own.json"
    file.write_text(json.dumps({"roas": roas}))
    with (
        stayrtr(tmp_path, vrps) as cache,
        bird(tmp_path, cache_port=cache.port, own=own) as oracle,
    ):
        ours = validator(f"rtr://127.0.0.1:{cache.port}", *([str(file)] if own else []))
        until(ours, lambda: (ours.health().state, ours.health().vrps) == ("fresh", count))
        oracle.await_vrps(count)
        expected = oracle.check(routes)
    assert len(expected) == len(routes)
    got = [ours.validate(prefix, origin).state.value for prefix, origin in routes]
    wrong = [case for case in zip(routes, got, expected, strict=True) if case[1] != case[2]]
    assert not wrong
    # Nothing is unknown where a VRP covers everything.
    assert set(expected) == {"valid", "invalid"} | (set() if own else {"not_found"})
