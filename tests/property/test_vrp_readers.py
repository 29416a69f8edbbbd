"""Threads that validate while VRPs change, against a brute force of before and after."""

import ipaddress
import sys
import threading
from collections.abc import Iterator
from random import Random

import pytest

from bgptui.domain.rpki import RpkiState, Vrp
from bgptui.rpki import vrp_table
from bgptui.rpki.origin_validation import validate
from bgptui.rpki.union import Union
from bgptui.rpki.vrp_set import VrpSet, set_of

PREFIXES = (
    *("10.0.0.0/8", "10.0.0.0/11", "10.0.0.0/12", "10.0.0.0/16", "10.0.0.0/24", "10.1.0.0/16"),
    *("10.1.2.0/24", "11.0.0.0/8", "2001::/16", "2001::/27", "2001::/32", "2001::/48"),
)
ASKED = (*PREFIXES, "10.0.0.0/25", "10.1.2.3/32", "10.16.0.0/16", "2001::/64", "12.0.0.0/8")
ROUTES = tuple((prefix, origin) for prefix in ASKED for origin in (1, 2, None))
NETWORKS = {prefix: ipaddress.ip_network(prefix) for prefix in ASKED}
STEPS = 600
READERS = 3

Answer = tuple[RpkiState, frozenset[Vrp]]


@pytest.fixture
def _hasty_threads() -> Iterator[None]:
    """Another thread's turn comes thousands of times more often than it would."""
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval_s)


def brute_force(vrps: frozenset[Vrp], prefix: str, origin: int | None) -> Answer:
    """RFC 6811 section 2 word for word."""
    route = NETWORKS[prefix]
    covering = frozenset(
        vrp
        for vrp in vrps
        for network in (NETWORKS[vrp.prefix],)
        if network.version == route.version and route.subnet_of(network)  # type: ignore[arg-type]
    )
    if not covering:
        return RpkiState.NOT_FOUND, covering
    if any(v.asn == origin and route.prefixlen <= v.max_length for v in covering):
        return RpkiState.VALID, covering
    return RpkiState.INVALID, covering


def some_vrps(rng: Random) -> frozenset[Vrp]:
    vrps = set()
    for prefix in rng.sample(PREFIXES, rng.randrange(len(PREFIXES))):
        length, most = NETWORKS[prefix].prefixlen, NETWORKS[prefix].max_prefixlen
        for asn in rng.sample((1, 2, 3), rng.choice((1, 1, 2))):
            vrps.add(Vrp(prefix, min(length + rng.choice((0, 8, 16)), most), asn))
    return frozenset(vrps)


class Reader(threading.Thread):
    """Asks for one route after another and writes down what was wrong.

    What is asked between two looks at `begun` must be the answer of a state that was, or was
    being put, in force meanwhile.
    """

    def __init__(self, union: Union, states: list[frozenset[Vrp]], progress: list[int]) -> None:
        super().__init__(daemon=True)
        self.wrong: list[object] = []
        self.asked = 0
        self._union = union
        self._states = states
        self._progress = progress  # states that are in force, states that were begun
        self._known: dict[tuple[int, str, int | None], Answer] = {}

    def run(self) -> None:
        while self._progress[0] < len(self._states) - 1 and not self.wrong:
            for prefix, origin in ROUTES:
                first = self._progress[0]
                result = validate(self._union.table, prefix, origin)
                last = self._progress[1]
                answer = result.state, frozenset(result.covering)
                self.asked += 1
                expected = [self._expected(n, prefix, origin) for n in range(last, first - 1, -1)]
                if answer not in expected:
                    self.wrong.append((prefix, origin, answer, expected))

    def _expected(self, number: int, prefix: str, origin: int | None) -> Answer:
        known = self._known.get((number, prefix, origin))
        if known is None:
            known = brute_force(self._states[number], prefix, origin)
            self._known[number, prefix, origin] = known
        return known


@pytest.mark.usefixtures("_hasty_threads")
@pytest.mark.parametrize("how", ["deltas", "loads", "rebuilt"])
def test_a_reader_is_told_what_held_before_or_after_a_change_and_nothing_else(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By deltas, by whole sets in place of others, and by making the table anew for each."""
    if how == "rebuilt":
        monkeypatch.setattr(vrp_table, "_MANY", 0)
    rng = Random(7)
    states = [some_vrps(rng) for _ in range(STEPS)]
    sets: list[VrpSet] = [set_of(state) for state in states]
    union, progress = Union(), [0, 0]
    union.put("cache", sets[0], {})
    readers = [Reader(union, states, progress) for _ in range(READERS)]
    for reader in readers:
        reader.start()
    for number in range(1, STEPS):
        progress[1] = number
        if how == "loads":
            union.put("cache", sets[number], {})
        else:
            union.change("cache", sets[number].since(sets[number - 1]), {})
        progress[0] = number
    for reader in readers:
        reader.join(30.0)
        assert not reader.wrong
        assert reader.asked
