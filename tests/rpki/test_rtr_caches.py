"""The RTR client against stayrtr, and origin validation against BIRD."""

import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from bgptui.config.schema import Rpki
from bgptui.domain.prefix import format_prefix, parse_prefix
from bgptui.domain.rpki import RpkiState, Vrp
from bgptui.errors import UsageError
from bgptui.rpki.aspa_verification import Direction
from bgptui.rpki.configured import configured_validator
from bgptui.rpki.rtr_client import RtrSource
from bgptui.rpki.rtr_protocol import CacheReset, CacheResponse, Decoder, ErrorReport, PrefixPdu
from bgptui.rpki.source import Ageing
from bgptui.rpki.union import Union
from bgptui.rpki.validator import Validator
from bgptui.runtime.metrics import Metrics
from support.certificates import self_signed
from support.faulty_http import TcpServer
from support.network import Cable
from support.rtr_caches import Ending, bird, free_ports, scripted, stayrtr

SYNC_S = 20.0
HERE = [Vrp(f"10.{n}.0.0/16", 24, 64496) for n in range(20)] + [Vrp("2001:db8::/32", 48, 64497)]


@pytest.fixture
def validator() -> Iterator[Callable[..., Validator]]:
    """Makes validators, and stops them."""
    made = []

    def make(*locations: str, **settings: object) -> Validator:
        rpki = Rpki(sources=locations, **{"fetch_timeout_s": 5.0, **settings})  # type: ignore[arg-type]
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


def test_a_cache_without_a_single_vrp_gives_no_verdict_and_does_when_it_has_some(
    tmp_path: Path, validator: Callable[..., Validator]
) -> None:
    with stayrtr(tmp_path, []) as cache:
        vrps = validator(f"rtr://127.0.0.1:{cache.port}")
        until(vrps, lambda: "the cache has no VRPs" in vrps.health().error)
        assert state(vrps, "10.3.0.0/16", 64496) is RpkiState.UNAVAILABLE
        cache.publish(HERE)
        cache.reload()
        until(vrps, lambda: state(vrps, "10.3.0.0/16", 64496) is RpkiState.VALID)


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


def test_what_a_dead_cache_said_is_in_force_until_it_expires(
    tmp_path: Path, validator: Callable[..., Validator]
) -> None:
    with stayrtr(tmp_path, HERE) as cache:
        vrps = validator(f"rtr://127.0.0.1:{cache.port}")
        until(vrps, lambda: vrps.health().state == "fresh")
    until(vrps, lambda: vrps.health().error != "")
    since = vrps.health().as_of
    assert since is not None
    vrps.refresh(since + 599)
    assert (vrps.health().state, state(vrps, "10.3.0.0/16", 64496)) == ("fresh", RpkiState.VALID)
    vrps.refresh(since + 601)
    assert (vrps.health().state, state(vrps, "10.3.0.0/16", 64496)) == (
        "stale",
        RpkiState.UNAVAILABLE,
    )
    assert vrps.health().error
    assert vrps.health().as_of == since


def test_a_cache_that_has_forgotten_our_serial_resets_us(
    tmp_path: Path, validator: Callable[..., Validator]
) -> None:
    with stayrtr(tmp_path, HERE) as cache, Cable(cache.port) as cable:
        vrps = validator(f"rtr://127.0.0.1:{cable.port}", fetch_timeout_s=0.5)
        until(vrps, lambda: vrps.health().state == "fresh")
        cable.pull()
        newest = ""
        for number in range(8):  # stayrtr remembers three
            newest = f"198.51.100.{number}/32"
            cache.publish([*HERE[1:], Vrp(newest, 32, 64500)])
            cache.reload()
            cache.await_serial(number + 1)
        cable.plug_in()
        until(vrps, lambda: state(vrps, newest, 64500) is RpkiState.VALID)
        assert state(vrps, "198.51.100.0/32", 64500) is RpkiState.NOT_FOUND
        assert vrps.health().vrps == len(HERE)
        until(vrps, lambda: "serial 8" in vrps.statuses()[0].detail)
        said = [type(pdu) for _, pdu in Decoder().feed(bytes(cable.brought))]
    # All of it came: once at first, once after the reset, and nothing flushed what there was.
    first, *_, last = [n for n, kind in enumerate(said) if kind is CacheResponse]
    assert CacheReset in said[first:last]
    assert said.count(PrefixPdu) >= 2 * len(HERE)
    assert ErrorReport not in said


def test_a_cache_that_starts_anew_with_much_less_is_not_believed_at_once(
    tmp_path: Path, validator: Callable[..., Validator]
) -> None:
    with stayrtr(tmp_path, HERE) as cache:
        vrps = validator(f"rtr://127.0.0.1:{cache.port}")
        until(vrps, lambda: vrps.health().state == "fresh")
        cache.stop()
        cache.publish(HERE[:3])
        time.sleep(1.1)  # stayrtr's session id is the second in which it starts
        cache.start()
        until(vrps, lambda: "3 VRPs instead of 21" in vrps.health().error)
        # What it said before holds, or nothing does where it had time to say that this session
        # is unknown to it: in no case is the route not found.
        assert state(vrps, "10.19.0.0/16", 64496) in (RpkiState.VALID, RpkiState.UNAVAILABLE)


@pytest.mark.parametrize("version", [0, 1, 2])
def test_a_cache_may_answer_in_a_lower_version(
    tmp_path: Path, validator: Callable[..., Validator], version: int
) -> None:
    with stayrtr(tmp_path, HERE, "-protocol", str(version)) as cache:
        vrps = validator(f"rtr://127.0.0.1:{cache.port}")
        until(vrps, lambda: vrps.health().state == "fresh")
        assert f"RTR v{version}," in vrps.statuses()[0].detail
        cache.publish([*HERE, Vrp("198.51.100.0/24", 24, 64500)])
        cache.reload()
        until(vrps, lambda: state(vrps, "198.51.100.0/24", 64500) is RpkiState.VALID)


@pytest.fixture(scope="module")
def captured(shared: Path) -> dict[str, bytes]:
    """What caches answered, by the name of the capture."""
    found = json.loads((shared / "conformance" / "rtr_captures.json").read_text())["captures"]
    return {capture["name"]: bytes.fromhex(capture["response_hex"]) for capture in found}


@pytest.mark.parametrize("version", [0, 1])
def test_a_cache_that_refuses_our_version_is_asked_in_the_next_at_once(
    captured: dict[str, bytes], validator: Callable[..., Validator], version: int
) -> None:
    answers = {bytes([n, 2]): captured["0.6.4_full_v2"] for n in range(version + 1, 3)}
    answers[bytes([version, 2])] = captured[f"0.6.4_full_v{version}"]
    began = time.monotonic()
    with TcpServer(scripted(answers, then=Ending.SILENCE)) as cache:
        vrps = validator(f"rtr://127.0.0.1:{cache.port}")
        until(vrps, lambda: vrps.health().state == "fresh")
        assert (cache.connections, vrps.health().vrps) == (3 - version, 3)
    assert time.monotonic() - began < 5
    assert f"RTR v{version}," in vrps.statuses()[0].detail


def test_version_2_is_spoken_with_aspas(
    captured: dict[str, bytes], validator: Callable[..., Validator]
) -> None:
    answers = {b"\x02\x02": captured["demo_full_v2"], b"\x02\x01": captured["demo_delta_v2"]}
    with TcpServer(scripted(answers, then=Ending.SILENCE)) as cache:
        vrps = validator(f"rtr://127.0.0.1:{cache.port}")
        until(vrps, lambda: vrps.health().state == "fresh")
        assert "RTR v2," in vrps.statuses()[0].detail
        assert (vrps.statuses()[0].vrps, vrps.statuses()[0].aspas) == (2, 2)
        path = vrps.verify_path((1, 64494), Direction.UPSTREAM)
        assert path is not None
        assert path.aspas_used == ((64494, (1, 2, 3)),)


@pytest.mark.parametrize("ending", Ending)
def test_an_answer_that_stops_at_any_byte_counts_for_nothing(
    captured: dict[str, bytes], ending: Ending
) -> None:
    answer = captured["demo_full_v2"]
    cuts = range(len(answer)) if ending is Ending.CLOSED else range(0, len(answer), 16)
    union = Union()
    with ExitStack() as caches:
        sources = []
        for cut in cuts:
            talk = scripted({b"\x02\x02": answer[:cut]}, then=ending)
            cache = caches.enter_context(TcpServer(talk))
            sources.append(RtrSource(f"rtr://127.0.0.1:{cache.port}", union, timeout_s=0.3))
            caches.callback(sources[-1].stop)
        for source in sources:
            source.refresh(0.0)
        give_up = time.monotonic() + SYNC_S
        while not all(source.status(0.0).error for source in sources):
            assert time.monotonic() < give_up
            time.sleep(0.01)
        why = "closed the connection" if ending is Ending.CLOSED else "no answer within 0.3 s"
        assert all(why in source.status(0.0).error for source in sources)
        assert (union.sources, len(union.table), union.aspas) == ((), 0, {})


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
        # It may listen there a moment later than on its other port.
        until(refused, lambda: "certificate is not to be trusted" in refused.health().error)
        assert refused.health().state == "error"
        taken = validator(f"rtrs://127.0.0.1:{port}", rtr_ca_file=str(certificate))
        until(taken, lambda: taken.health().state == "fresh")


def test_a_cache_in_sync_that_was_taken_out_of_the_union_is_put_in_again(tmp_path: Path) -> None:
    union = Union()
    with stayrtr(tmp_path, HERE) as cache:
        location = f"rtr://127.0.0.1:{cache.port}"
        source = RtrSource(location, union, timeout_s=5.0)
        source.refresh(0.0)
        await_size(union, location, len(HERE))
        union.remove(location)
        await_size(union, location, len(HERE))
        # It is still the cache's: a delta finds it.
        cache.publish([*HERE, Vrp("198.51.100.0/24", 24, 64500)])
        cache.reload()
        await_size(union, location, len(HERE) + 1)
        source.stop()


def await_size(union: Union, location: str, vrps: int) -> None:
    give_up = time.monotonic() + SYNC_S
    while union.size(location)[0] != vrps:
        assert time.monotonic() < give_up
        time.sleep(0.01)


@pytest.mark.parametrize("names", ["IP:127.0.0.2", "DNS:rtr.example.net"])
def test_tls_takes_no_certificate_of_another_name(
    tmp_path: Path, validator: Callable[..., Validator], names: str
) -> None:
    key, certificate = self_signed(tmp_path, names=names)  # its common name is 127.0.0.1
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate, key)
    with TcpServer(scripted({}, then=Ending.SILENCE), tls=tls) as cache:
        vrps = validator(f"rtrs://127.0.0.1:{cache.port}", rtr_ca_file=str(certificate))
        until(vrps, lambda: vrps.health().state == "error")
    assert "127.0.0.1" in vrps.health().error
    assert "certificate is not valid for" in vrps.health().error


def test_tls_shows_our_certificate_to_a_cache_that_asks_for_it(
    tmp_path: Path, captured: dict[str, bytes], validator: Callable[..., Validator]
) -> None:
    key, certificate = self_signed(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificate))
    tls.verify_mode = ssl.CERT_REQUIRED
    tls.load_cert_chain(certificate, key)
    answers = {b"\x02\x02": captured["demo_full_v2"]}
    known = {"rtr_ca_file": str(certificate)}
    with TcpServer(scripted(answers, then=Ending.SILENCE), tls=tls) as cache:
        stranger = validator(f"rtrs://127.0.0.1:{cache.port}", **known)
        until(stranger, lambda: stranger.health().state == "error")
        known |= {"rtr_cert_file": str(certificate), "rtr_key_file": str(key)}
        friend = validator(f"rtrs://127.0.0.1:{cache.port}", **known)
        until(friend, lambda: friend.health().state == "fresh")


def test_a_certificate_that_cannot_be_read_is_named_with_its_setting(
    tmp_path: Path, validator: Callable[..., Validator]
) -> None:
    key, certificate = self_signed(tmp_path)
    with pytest.raises(UsageError, match=r"rpki\.rtr_ca_file"):
        validator("rtrs://127.0.0.1:9", rtr_ca_file=str(key))
    with pytest.raises(UsageError, match=r"rpki\.rtr_key_file"):
        validator("rtrs://127.0.0.1:9", rtr_cert_file=str(certificate))


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
