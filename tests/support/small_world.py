"""A small internet as RIS Live frames: ten peers of two collectors, whose routes a test writes.

Its prefixes and AS numbers are made up, but none of them is reserved: bogons are looked for.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from support import bgp_wire

T0 = 1_767_787_200.0  # 2026-01-07 12:00 UTC
PEER_ASNS = tuple(range(101, 111))
STEP_S = 0.25  # between two peers that say the same


class SmallWorld:
    """Collects what the peers say; times are seconds after T0, and may be negative."""

    def __init__(self) -> None:
        self._frames: list[tuple[float, int, dict[str, Any]]] = []

    def announce(
        self,
        prefix: str,
        *path: int,
        at: float,
        peers: Sequence[int] = PEER_ASNS,
        community: Sequence[tuple[int, int]] = (),
        otc: int | None = None,
    ) -> None:
        """The peers announce a route, one after another.

        Args:
            path: what follows the peer's own AS number; the origin last.
            otc: the attribute's value; only the frame's `raw` has it.
        """
        for number, asn in enumerate(peers):
            whole = [asn, *path]
            data = {
                "path": whole,
                "community": [list(pair) for pair in community],
                "origin": "IGP",
                "announcements": [{"next_hop": _address(asn), "prefixes": [prefix]}],
                "withdrawals": [],
            }
            if otc is not None:
                attributes = bgp_wire.origin() + bgp_wire.as_path((2, whole))
                attributes += bgp_wire.next_hop(_address(asn)) + bgp_wire.otc(otc)
                data["raw"] = bgp_wire.update(attributes, nlri=bgp_wire.prefix(prefix)).hex()
            self._say(asn, at + number * STEP_S, "UPDATE", data)

    def withdraw(self, prefix: str, *, at: float, peers: Sequence[int] = PEER_ASNS) -> None:
        """The peers withdraw their routes to a prefix, one after another."""
        data = {"path": [], "community": [], "announcements": [], "withdrawals": [prefix]}
        for number, asn in enumerate(peers):
            self._say(asn, at + number * STEP_S, "UPDATE", data)

    def session(self, asn: int, state: str, *, at: float) -> None:
        """A peer's session with its collector is `up` or `down`."""
        self._say(asn, at, "RIS_PEER_STATE", {"state": state})

    def keep_alive(self, *, until: float, since: float, every_s: float = 20.0) -> None:
        """KEEPALIVEs of all peers, so that no collector falls silent."""
        at = since
        while at < until:
            for number, asn in enumerate(PEER_ASNS):
                self._say(asn, at + number * STEP_S, "KEEPALIVE", {})
            at += every_s

    def write(self, path: Path) -> None:
        """The recording, in the order of time."""
        with path.open("w") as file:
            for _, _, frame in sorted(self._frames, key=lambda each: each[:2]):
                file.write(json.dumps(frame) + "\n")

    def _say(self, asn: int, at: float, kind: str, data: dict[str, Any]) -> None:
        number = len(self._frames)
        head = {
            "timestamp": round(T0 + at, 2),
            "peer": _address(asn),
            "peer_asn": str(asn),
            "id": f"{_address(asn)}-{number:x}",
            "host": "rrc00.ripe.net" if asn < 106 else "rrc01.ripe.net",
            "type": kind,
        }
        frame = {"type": "ris_message", "data": head | data}
        self._frames.append((head["timestamp"], number, frame))  # type: ignore[arg-type]


def _address(asn: int) -> str:
    return f"193.0.4.{asn}"
