"""What a scenario is: frames, VRPs, a watchlist and settings."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import chain, takewhile
from random import Random
from typing import Any

from msgspec import Struct

from bgptui.demo.internet import Internet
from bgptui.demo.traffic import DAY_S, Frame, Traffic

HISTORY_S = DAY_S  # event time before the start, from which baselines are learned
_YEAR_S = 365 * DAY_S


Incident = Callable[[Traffic, float], None]


class Recorded(Struct, frozen=True):
    """A scenario as a recording of a fixed time.

    Attributes:
        start: event time at which it begins, seconds since 1970 UTC.
        before_s, after_s: ordinary traffic before, and how long it goes on from there.
        incident: puts what happens after `start` on top of the ordinary traffic.
    """

    start: float
    before_s: float
    after_s: float
    incident: Incident


class Scenario(Struct, frozen=True):
    """A built-in scenario.

    Attributes:
        description: one line.
        world: the internet in which it happens.
        watch: the watched prefixes, as the TOML of a watchlist.
        incident: what happens after the start when it is played live.
        recorded: the same as a recording.
    """

    name: str
    description: str
    world: Callable[[], Internet]
    watch: str
    incident: Incident
    recorded: Recorded

    def frames(self, start: float, *, rng: Random) -> Iterator[Frame]:
        """RIS Live frames from a day before `start` on, without end.

        Args:
            start: event time at which the scenario begins, seconds since 1970 UTC.
            rng: the same one gives the same frames, byte for byte.
        Returns:
            (timestamp, frame) in the order of time; the timestamp is the frame's own.
        """
        traffic = Traffic(self.world(), start - HISTORY_S, rng)
        self.incident(traffic, start)
        return traffic.frames()

    def recording(self, *, rng: Random) -> Iterator[Frame]:
        """The frames of the recorded time, in the order of time."""
        recorded = self.recorded
        traffic = Traffic(self.world(), recorded.start - recorded.before_s, rng)
        recorded.incident(traffic, recorded.start)
        end = recorded.start + recorded.after_s
        return takewhile(lambda frame: frame[0] < end, traffic.frames())

    def parts(self, start: float, *, rng: Random) -> tuple[list[Frame], Iterator[Frame]]:
        """The same in two: the day before `start`, and everything from there on."""
        frames = self.frames(start, rng=rng)
        history: list[Frame] = []
        for frame in frames:
            if frame[0] >= start:
                return history, chain([frame], frames)
            history.append(frame)
        raise AssertionError("the traffic of a scenario does not end")

    def vrps(self, *, built: float) -> bytes | None:
        """The ROAs of its internet, as rpki-client's JSON; None where it has none.

        Args:
            built: time of the file, seconds since 1970 UTC; it is good for a year.
        """
        roas = [
            {
                "asn": group.origin_asn,
                "prefix": prefix,
                "maxLength": int(prefix.rpartition("/")[2]),
                "ta": "demo",
                "expires": int(built + _YEAR_S),
            }
            for group in self.world().groups
            if group.has_roa
            for prefix in group.prefixes
        ]
        if not roas:
            return None
        build_time = datetime.fromtimestamp(built, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        metadata = {"buildtime": build_time, "roas": len(roas), "vrps": len(roas)}
        return json.dumps({"metadata": metadata, "roas": roas}, indent=1).encode()

    def settings(self, *, url: str, vrps: str, watch: str) -> dict[str, Any]:
        """Settings that the scenario needs, by `section.key`.

        Args:
            url: the server that plays the frames.
            vrps: file with what `vrps()` gave, "" for none.
            watch: file with the watchlist.
        """
        return {
            "feed.url": url,
            "feed.subscription": ({},),
            "feed.collectors": (),
            "feed.clock": "wall",
            "rpki.vrps": vrps,
            # The file is written once and the console may stay open for days.
            "rpki.stale_after_s": _YEAR_S,
            "watch.file": watch,
            "watch.min_peers": 3,
            "store.raw_rows": "all",
            "store.raw_json": "all",
        }
