"""What the routers say: their ordinary day, and what a scenario puts on top of it.

A small event simulation in event time: acts stand in a heap by their time, and an act returns
frames and puts later acts there. Each router keeps what it has withdrawn, so that it withdraws
only what it announced and a flap is one.
"""

import math
from collections.abc import Callable, Iterator
from functools import partial
from heapq import heappop, heappush
from itertools import accumulate
from random import Random

from bgptui.demo.internet import Internet, Router
from bgptui.demo.wire import Wire

Frame = tuple[float, bytes]
Act = Callable[[float], list[bytes]]

DAY_S = 86_400.0

# Route changes per minute of each router at the mean of the day; some talk more than others.
_CHANGES_PER_MIN = (6.0, 5.3, 4.8, 4.5, 4.3, 4.1)
_WITHDRAWN_SHARE = 0.28
_BURSTS_PER_MIN = 1 / 30
# Prefixes of one UPDATE: mostly one, as in RIS.
_SIZES = (1, 1, 1, 1, 2, 2, 3, 5)
# The traffic of the day: a third more in the evening (UTC) than on its mean.
_DAY_AMPLITUDE = 0.3
_BUSIEST_S = 19 * 3600
_CHUNK = 16  # prefixes of one UPDATE in a table transfer


class Traffic:
    """The routers' UPDATEs from `begin` on, without end.

    Args:
        begin: event time of the first of them, seconds since 1970 UTC.
        rng: makes every choice; the same one makes the same frames.
    """

    def __init__(self, world: Internet, begin: float, rng: Random) -> None:
        self.world = world
        self.rng = rng
        self.wire = Wire()
        self._begin = begin
        self._due: list[tuple[float, int, Act]] = []
        self._acts = 0
        self._weather = 0.0
        self._down: set[Router] = set()
        # By router and group, the positions of the prefixes that are withdrawn.
        self._lost = [[set[int]() for _ in world.groups] for _ in world.routers]
        # A few networks make most of the noise; the watched one makes little.
        weights = [0.4 if g.steady else 1 + 12 / (1 + i) for i, g in enumerate(world.groups)]
        self._cumulative = list(accumulate(weights))
        self._positions = range(len(world.groups))
        self.at(begin, self._minute)

    def at(self, when: float, act: Act) -> None:
        """Let `act` happen; times are rounded to 10 ms, as in RIS Live."""
        self._acts += 1
        heappush(self._due, (round(when, 2), self._acts, act))

    def frames(self) -> Iterator[Frame]:
        """(timestamp, frame) in the order of time."""
        while True:
            when, _, act = heappop(self._due)
            for frame in act(when):
                yield when, frame

    def announce(self, router: Router, prefix: str, path: tuple[int, ...], *, when: float) -> None:
        """A route outside of the routers' own tables: the scenario's."""
        family = int(":" in prefix)
        self.at(
            when,
            lambda now: [self.wire.announcement(now, router, path, [prefix], family=family)],
        )

    def withdraw(self, router: Router, prefix: str, *, when: float) -> None:
        """The end of such a route."""
        self.at(when, lambda now: [self.wire.withdrawal(now, router, [prefix])])

    def reset(self, router: Router, *, down_at: float, up_at: float, transfer_s: float) -> None:
        """The session goes down, comes up again, and the table follows within `transfer_s`."""
        self.at(down_at, partial(self._session_down, router))
        self.at(up_at, partial(self._session_up, router, transfer_s))

    def lose(self, router: Router, *, when: float, most: int, back_at: float) -> None:
        """Withdraw up to `most` prefixes that come back at `back_at`."""
        self.at(when, partial(self._lose, router, most, back_at))

    def _minute(self, now: float) -> list[bytes]:
        """Put one minute of ordinary traffic and the next minute's act into the heap."""
        rng = self.rng
        self._weather = 0.9 * self._weather + rng.gauss(0, 0.05)
        hour_angle = 2 * math.pi * (now - _BUSIEST_S) / DAY_S
        level = (1 + _DAY_AMPLITUDE * math.cos(hour_angle)) * math.exp(self._weather)
        for router in self.world.routers:
            mean = _CHANGES_PER_MIN[router.index % len(_CHANGES_PER_MIN)] * level
            # Less than a Poisson's spread: routers batch their changes (RFC 4271, MRAI).
            for _ in range(max(0, round(rng.gauss(mean, 0.7 * math.sqrt(mean))))):
                self.at(now + 60 * rng.random(), self._ordinary_act(router))
            if rng.random() < _BURSTS_PER_MIN:
                burst_at = now + 55 * rng.random()
                for _ in range(rng.randint(3, 6)):
                    self.at(burst_at + 5 * rng.random(), partial(self._change, router))
        self.at(now + 60, self._minute)
        return []

    def _ordinary_act(self, router: Router) -> Act:
        if self.rng.random() >= _WITHDRAWN_SHARE:
            return partial(self._change, router)
        size = _SIZES[int(len(_SIZES) * self.rng.random())]
        return partial(self._lose, router, size, None)

    def _change(self, router: Router, now: float) -> list[bytes]:
        """Announce a few prefixes again, over another path."""
        if router in self._down:
            return []
        position, run = self._pick(router, _SIZES[int(len(_SIZES) * self.rng.random())])
        return self._announced(router, position, run, now)

    def _lose(self, router: Router, most: int, back_at: float | None, now: float) -> list[bytes]:
        """Withdraw a few prefixes and put their return into the heap."""
        if router in self._down:
            return []
        position, run = self._pick(router, most)
        group = self.world.groups[position]
        if group.steady:
            return self._announced(router, position, run, now)
        if not run:
            return []
        self._lost[router.index][position].update(run)
        back = now + self._outage_s() if back_at is None else back_at
        self.at(back, partial(self._return, router, position, run))
        withdrawn = [group.withdrawn[index] for index in run]
        return [self.wire.withdrawal(now, router, withdrawn)]

    def _outage_s(self) -> float:
        """Most are over in minutes, one in six takes hours."""
        if self.rng.random() < 5 / 6:
            return 2 + self.rng.expovariate(1 / 60)
        return 300 + self.rng.expovariate(1 / 3600)

    def _return(self, router: Router, position: int, run: list[int], now: float) -> list[bytes]:
        if router in self._down:
            return []
        lost = self._lost[router.index][position]
        back = [index for index in run if index in lost]
        lost.difference_update(back)
        return self._announced(router, position, back, now)

    def _session_down(self, router: Router, now: float) -> list[bytes]:
        self._down.add(router)
        for group, lost in zip(self.world.groups, self._lost[router.index], strict=True):
            lost.update(range(len(group.prefixes)))
        return [self.wire.peer_state(now, router, "down")]

    def _session_up(self, router: Router, transfer_s: float, now: float) -> list[bytes]:
        self._down.discard(router)
        for position, group in enumerate(self.world.groups):
            for first in range(0, len(group.prefixes), _CHUNK):
                run = list(range(first, min(first + _CHUNK, len(group.prefixes))))
                when = now + transfer_s * self.rng.random()
                self.at(when, partial(self._return, router, position, run))
        return [self.wire.peer_state(now, router, "up")]

    def _pick(self, router: Router, size: int) -> tuple[int, list[int]]:
        """A group and up to `size` neighbouring prefixes of it that are not withdrawn."""
        [position] = self.rng.choices(self._positions, cum_weights=self._cumulative)
        count = len(self.world.groups[position].prefixes)
        first = int(count * self.rng.random())
        lost = self._lost[router.index][position]
        run = [index for index in range(first, min(first + size, count)) if index not in lost]
        return position, run

    def _announced(self, router: Router, position: int, run: list[int], now: float) -> list[bytes]:
        if not run:
            return []
        group = self.world.groups[position]
        paths = group.paths[router.index]
        # The better a path, the more often it is the one.
        path = paths[int(len(paths) * self.rng.random() ** 2)]
        prefixes = [group.prefixes[index] for index in run]
        return [self.wire.announcement(now, router, path, prefixes, family=group.family)]
