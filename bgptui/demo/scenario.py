"""What a scenario is: frames, VRPs, a watchlist and settings."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import chain
from random import Random
from typing import Any

from msgspec import Struct

from bgptui.demo.internet import WATCHED_ASN, WATCHED_PREFIXES, internet
from bgptui.demo.traffic import DAY_S, Frame, Traffic

HISTORY_S = DAY_S  # event time before the start, from which baselines are learned
_YEAR_S = 365 * DAY_S


class Scenario(Struct, frozen=True):
    """A built-in scenario.

    Attributes:
        description: one line.
        incident: puts what happens after `start` on top of the ordinary traffic.
    """

    name: str
    description: str
    incident: Callable[[Traffic, float], None]

    def frames(self, start: float, *, rng: Random) -> Iterator[Frame]:
        """RIS Live frames from a day before `start` on, without end.

        Args:
            start: event time at which the scenario begins, seconds since 1970 UTC.
            rng: the same one gives the same frames, byte for byte.
        Returns:
            (timestamp, frame) in the order of time; the timestamp is the frame's own.
        """
        traffic = Traffic(internet(), start - HISTORY_S, rng)
        self.incident(traffic, start)
        return traffic.frames()

    def parts(self, start: float, *, rng: Random) -> tuple[list[Frame], Iterator[Frame]]:
        """The same in two: the day before `start`, and everything from there on."""
        frames = self.frames(start, rng=rng)
        history: list[Frame] = []
        for frame in frames:
            if frame[0] >= start:
                return history, chain([frame], frames)
            history.append(frame)
        raise AssertionError("the traffic of a scenario does not end")

    def vrps(self, *, built: float) -> bytes:
        """ROAs of the watched prefixes and of about half of the others, as rpki-client's JSON.

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
            for group in internet().groups
            if group.has_roa
            for prefix in group.prefixes
        ]
        build_time = datetime.fromtimestamp(built, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        metadata = {"buildtime": build_time, "roas": len(roas), "vrps": len(roas)}
        return json.dumps({"metadata": metadata, "roas": roas}, indent=1).encode()

    def watchlist(self) -> str:
        """The watched prefixes, as the TOML of a watchlist."""
        return "\n".join(
            f'[[prefix]]\nprefix = "{prefix}"\norigins = [{WATCHED_ASN}]\n'
            f"max_length = {prefix.rpartition('/')[2]}\n"
            f'description = "Our own network (demo)"\n'
            for prefix in WATCHED_PREFIXES
        )

    def settings(self, *, url: str, vrps: str, watch: str) -> dict[str, Any]:
        """Settings that the scenario needs, by `section.key`.

        Args:
            url: the server that plays the frames.
            vrps, watch: files with what `vrps()` and `watchlist()` gave.
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
