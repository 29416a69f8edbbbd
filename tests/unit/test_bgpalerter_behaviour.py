"""An imported prefixes.yml alerts where BGPalerter's documentation says that it does.

Sources: its docs on the prefixes list, path matching, path neighbours and configuration. What
bgptui does otherwise on purpose is in docs/watchlist.md, and marked here.
"""

from itertools import count
from pathlib import Path

import pytest

from bgptui.config.schema import Alerts, Detect
from bgptui.correlate.correlator import Correlator
from bgptui.domain.alert import AlertChange, Change
from bgptui.domain.routing import AsPath, BgpMessage, MessageType, Peer
from bgptui.domain.rpki import Vrp
from bgptui.routemon.bgpalerter_import import import_prefixes
from bgptui.routemon.monitor import RouteMonitor
from bgptui.routemon.watchlist import Watchlist
from bgptui.routemon.watchlist_file import load_watchlist
from bgptui.routemon.watchlist_text import watchlist_text
from bgptui.rpki.origin_validation import validate
from bgptui.rpki.vrp_table import table_of

FIXTURE = Path(__file__).parent.parent / "fixtures" / "bgpalerter-prefixes.yml"
PEERS = tuple(Peer("rrc00", f"198.18.0.{n}", 64700 + n) for n in range(1, 5))
VRPS = table_of(
    [
        Vrp("203.0.113.0/24", 24, 64999),
        Vrp("203.0.113.0/24", 25, 64500),
        Vrp("203.0.113.192/26", 26, 64510),
        Vrp("198.51.100.0/24", 24, 64999),
        Vrp("192.0.2.0/24", 24, 64999),
    ]
)
T = 1_767_780_000.0
SET = (64500, 64501)


@pytest.fixture(scope="module")
def watchlist(tmp_path_factory: pytest.TempPathFactory) -> Watchlist:
    """The fixture as a user gets it: imported, written, and read again."""
    imported = import_prefixes(FIXTURE.read_text(encoding="utf-8"))
    path = tmp_path_factory.mktemp("imported") / "watch.toml"
    path.write_text(watchlist_text(imported.rules, imported.as_rules, heading=imported.notes))
    return load_watchlist(path)


class Run:
    """Route monitor and correlator behind one another, as in the pipeline."""

    def __init__(self, watchlist: Watchlist) -> None:
        self.opened: list[AlertChange] = []
        self._monitor = RouteMonitor(
            watchlist,
            lambda prefix, origin: validate(VRPS, prefix, origin),
            lambda: 0,
            min_peers=3,
            next_id=count(1).__next__,
            peers_of=lambda _bits: len(PEERS),
        )
        self._correlator = Correlator(
            Alerts(),
            Detect(),
            next_alert_id=count(1).__next__,
            peers_total=lambda: len(PEERS),
            peers_of=lambda _collector: len(PEERS),
        )

    def send(self, at: float, *, announce: str = "", path: AsPath = (), withdraw: str = "") -> None:
        """Every peer says the same, its own AS in front of the path."""
        for peer in PEERS:
            message = BgpMessage(
                T + at,
                peer,
                MessageType.UPDATE,
                (announce,) if announce else (),
                (withdraw,) if withdraw else (),
                (peer.asn, *path) if announce else (),
            )
            changes = self._monitor.observe(message, T + at)
            self._note(self._correlator.route_events(changes, T + at))

    def wait(self, seconds: float) -> None:
        """Time passes."""
        self._note(self._correlator.advance(T + seconds))

    def alerts(self) -> list[str]:
        """What opened: `type class severity`."""
        return [
            f"{one.alert.alert_type} {one.alert.hijack_class} {one.alert.severity}"
            for one in self.opened
        ]

    def _note(self, changes: tuple[AlertChange, ...]) -> None:
        self.opened += [change for change in changes if change.change is Change.OPEN]


def seen(watchlist: Watchlist, prefix: str, *path: int | tuple[int, ...]) -> list[str]:
    """The alerts of one route at every peer."""
    run = Run(watchlist)
    run.send(0, announce=prefix, path=path)
    run.wait(300)
    return run.alerts()


OWN = (64601, 64500)
QUIET: list[str] = []


@pytest.mark.parametrize(
    ("what", "prefix", "path", "alerts"),
    [
        ("the expected origin", "203.0.113.0/24", OWN, QUIET),
        ("another origin", "203.0.113.0/24", (64601, 64666), ["hijack E|0 critical"]),
        ("a more-specific of another", "203.0.113.0/25", (64601, 64666), ["hijack S|0 critical"]),
        ("a new more-specific of ours", "203.0.113.0/25", OWN, ["new_prefix S|- low"]),
        ("most specific wins: its origin", "203.0.113.192/26", (64601, 64510), QUIET),
        ("most specific wins: ours", "203.0.113.192/26", OWN, ["hijack E|0 critical"]),
        ("ignoreMorespecifics", "203.0.113.192/27", (64601, 64666), QUIET),
        ("ignore", "203.0.113.64/27", (64601, 64666), QUIET),
        ("ignore, below", "203.0.113.64/28", (64601, 64666), QUIET),
        ("excludeMonitors: hijack", "198.51.100.0/24", (64601, 64666), QUIET),
        ("excludeMonitors: not new prefixes", "198.51.100.0/25", OWN, ["new_prefix S|- low"]),
        ("host bits, a list of origins", "198.51.100.0/24", (64601, 64501), QUIET),
        ("excludeMonitors: rpki", "198.51.100.0/24", OWN, QUIET),
        ("includeMonitors: hijack", "192.0.2.0/24", (64601, 64666), ["hijack E|0 critical"]),
        ("includeMonitors: no new prefixes, no rpki", "192.0.2.0/25", OWN, QUIET),
        ("an AS_SET of listed ASes", "198.51.100.0/24", (64601, SET), QUIET),
        ("an AS_SET with another", "203.0.113.0/24", (64601, SET), ["hijack E|0 critical"]),
        ("rpki: too long for our ROA", "203.0.113.0/26", OWN, ["rpki_invalid S|- medium"]),
        # BGPalerter says nothing where a ROA allows the origin.
        ("rpki: a ROA allows another", "203.0.113.0/24", (64601, 64999), ["hijack E|0 low"]),
        ("path: match", "2001:db8::/32", OWN, ["path_anomaly E|P medium"]),
        ("path: match and notMatch", "2001:db8::/32", (64602, *OWN), QUIET),
        ("path: OR", "2001:db8::/32", (64603, 64602, *OWN), ["path_anomaly E|P medium"]),
        (
            "path: a more-specific, too",
            "2001:db8:4000::/34",
            OWN,
            ["new_prefix S|- low", "path_anomaly S|P medium"],
        ),
        (
            "path: maxLength, prepends counted",
            "2001:db8::/32",
            (64602, 64601, *(64500,) * 5),
            ["path_anomaly E|P medium"],
        ),
        ("path: at maxLength", "2001:db8::/32", (64602, 64601, *(64500,) * 3), QUIET),
        ("path: AND of one rule", "2001:db8:8000::/33", ((64601, 64602), *OWN), QUIET),
        (
            "path: minLength and an AS_SET",
            "2001:db8:8000::/33",
            ((64601, 64602), 64500),
            ["path_anomaly E|P medium"],
        ),
        ("a new prefix of a monitored AS", "100.64.0.0/24", OWN, ["new_prefix -|- medium"]),
        ("a prefix of another AS", "100.64.0.0/24", (64601, 64666), QUIET),
        ("an upstream that is listed", "100.65.0.0/24", (64603, 64500, 64666), QUIET),
        (
            "an upstream that is not",
            "100.65.0.0/24",
            (64604, 64500, 64666),
            ["path_anomaly -|- medium"],
        ),
        ("prepends are no neighbour", "203.0.113.0/24", (64601, 64500, 64500), QUIET),
        ("downstreams empty", "100.65.0.0/24", (64510, 64666), ["path_anomaly -|- medium"]),
        ("downstreams empty, none there", "203.0.113.192/26", (64510,), QUIET),
        ("upstreams absent", "203.0.113.192/26", (64604, 64510), QUIET),
        ("neither list", "100.65.0.0/24", (64604, 64520, 64666), QUIET),
    ],
)
def test_an_imported_rule_alerts_as_documented(
    watchlist: Watchlist,
    what: str,
    prefix: str,
    path: tuple[int | tuple[int, ...], ...],
    alerts: list[str],
) -> None:
    assert seen(watchlist, prefix, *path) == alerts, what


@pytest.mark.parametrize(
    ("prefix", "alerts"),
    [("2001:db8::/32", ["visibility_loss -|- critical"]), ("198.51.100.0/24", QUIET)],
)
def test_a_withdrawn_prefix_alerts_unless_excluded(
    watchlist: Watchlist, prefix: str, alerts: list[str]
) -> None:
    run = Run(watchlist)
    run.send(0, announce=prefix, path=(64602, *OWN))
    run.send(60, withdraw=prefix)
    run.wait(300)
    assert run.alerts() == alerts


def test_what_bgptui_has_no_room_for_is_told(watchlist: Watchlist) -> None:
    imported = import_prefixes(FIXTURE.read_text(encoding="utf-8"))
    assert imported.notes == (
        "203.0.113.192/26: of its groups only the first, noc, was taken",
        "198.51.100.7/24 was read as 198.51.100.0/24",
        "options.monitorASns.AS64520: of its groups only the first, noc, was taken",
    )
    assert [rule.group for rule in imported.rules] == ["noc", "noc", "", "", "", "", ""]
