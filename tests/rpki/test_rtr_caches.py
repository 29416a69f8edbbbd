"""The RTR client against stayrtr, and origin validation against BIRD."""

import time
from collections.abc import Callable, Iterator
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from random import Random

import pytest

from bgptui.config.schema import Rpki
from bgptui.domain.rpki import RpkiState, Vrp
from bgptui.rpki.configured import configured_validator
from bgptui.rpki.origin_validation import validate
from bgptui.rpki.source import Ageing
from bgptui.rpki.validator import Validator
from bgptui.rpki.vrp_table import table_of
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


def random_vrps(rng: Random, count: int) -> list[Vrp]:
    vrps = set[Vrp]()
    while len(vrps) < count:
        if rng.random() < 0.7:
            length = rng.choice((12, 16, 16, 20, 22, 24))
            # Unicast only: BIRD takes no others.
            address = rng.randrange(1, 127) << 24 | rng.getrandbits(16) << 8
            prefix = str(IPv4Network((address >> (32 - length) << (32 - length), length)))
            most = 32
        else:
            length = rng.choice((28, 29, 32, 40, 48))
            address = (0x2001 << 112 | rng.getrandbits(24) << 80) >> (128 - length)
            prefix = str(IPv6Network((address << (128 - length), length)))
            most = 128
        vrps.add(Vrp(prefix, min(most, length + rng.choice((0, 0, 1, 4, 8))), rng.randrange(4)))
    return sorted(vrps)


def test_thousands_of_random_routes_have_the_states_that_bird_gives(tmp_path: Path) -> None:
    rng = Random(8)
    vrps = random_vrps(rng, 1_000)
    routes = [(near.prefix, rng.randrange(1, 5)) for near in random_vrps(rng, 1_500)]
    # At and below what is published, too: mostly the same few networks.
    routes += [(near.prefix, rng.choice((near.asn, 9))) for near in rng.choices(vrps, k=1_500)]
    table = table_of(vrps)
    with bird(tmp_path, vrps) as oracle:
        expected = oracle.check(routes)
    assert len(expected) == len(routes)
    got = [validate(table, prefix, origin).state.value for prefix, origin in routes]
    wrong = [case for case in zip(routes, got, expected, strict=True) if case[1] != case[2]]
    assert not wrong
    assert set(expected) == {"valid", "invalid", "not_found"}
