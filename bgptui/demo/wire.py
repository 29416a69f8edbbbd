"""Frames as RIS Live sends them (RIS Live manual, ris_message)."""

from collections.abc import Sequence

from bgptui.demo.internet import Router

# Templates instead of a JSON encoder: a day has tens of thousands of frames, and demo starts
# by making them.
_HEAD = (
    b'{"type":"ris_message","data":{"timestamp":%.2f,"peer":"%s","peer_asn":"%d",'
    b'"id":"%s-%012x%04x","host":"%s","type":"%s",'
)
_NO_ROUTE = b'"path":[],"community":[],"announcements":[],"withdrawals":["%s"]}}'
_ROUTE = b'"path":[%s],"community":[%s],"origin":"IGP","announcements":[%s],"withdrawals":[]}}'
_ENTRY = b'{"next_hop":"%s","prefixes":["%s"]}'


class Wire:
    """Writes frames with ids that are unique within one run."""

    def __init__(self) -> None:
        self._sequence = 0

    def announcement(
        self,
        timestamp: float,
        router: Router,
        path: Sequence[int],
        prefixes: Sequence[str],
        *,
        family: int,
    ) -> bytes:
        """An UPDATE that announces prefixes of one address family over one path."""
        listed = '","'.join(prefixes).encode()
        entries = b",".join(_ENTRY % (hop.encode(), listed) for hop in router.next_hops[family])
        # A community of the provider that the route came from; a 32-bit ASN has no room in
        # one (RFC 1997).
        community = b"[%d,%d]" % (path[1], 1000 + len(path)) if path[1] < 2**16 else b""
        hops = ",".join(map(str, path)).encode()
        return self._head(timestamp, router, b"UPDATE") + _ROUTE % (hops, community, entries)

    def withdrawal(self, timestamp: float, router: Router, prefixes: Sequence[str]) -> bytes:
        """An UPDATE that withdraws prefixes, written as in Group.withdrawn."""
        listed = '","'.join(prefixes).encode()
        return self._head(timestamp, router, b"UPDATE") + _NO_ROUTE % listed

    def peer_state(self, timestamp: float, router: Router, state: str) -> bytes:
        """The session between router and collector is `up` or `down`."""
        head = self._head(timestamp, router, b"RIS_PEER_STATE")
        return head + b'"state":"%s"}}' % state.encode()

    def _head(self, timestamp: float, router: Router, kind: bytes) -> bytes:
        self._sequence = (self._sequence + 1) & 0xFFFF
        address = router.address.encode()
        return _HEAD % (
            timestamp,
            address,
            router.asn,
            address,
            round(timestamp * 1000),
            self._sequence,
            router.host.encode(),
            kind,
        )
