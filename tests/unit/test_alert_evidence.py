"""An alert of each class carries everything that its evidence should hold, and shows it."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from bgptui.config.schema import Alerts, Detect
from bgptui.correlate.correlator import Correlator
from bgptui.domain.alert import Alert, AlertType
from bgptui.domain.event import RouteCleared, RouteEvent
from bgptui.domain.routing import AsPath, BgpMessage, MessageType, Peer, RibEntry
from bgptui.domain.rpki import Vrp
from bgptui.routemon.background import RpkiBackground
from bgptui.routemon.bogons import Bogons, bogon_prefix
from bgptui.routemon.monitor import RouteMonitor
from bgptui.routemon.path_pattern import PathPattern
from bgptui.routemon.watchlist import AsRule, Rule, Watchlist
from bgptui.routemon.whole_table import WholeTable
from bgptui.rpki.slurm import PrefixFilter, Slurm
from bgptui.rpki.source import SourceState, SourceStatus
from bgptui.rpki.union import Union
from bgptui.rpki.validator import Validator
from bgptui.rpki.vrp_set import set_of
from bgptui.tui.lines import Line, plain, width_of
from bgptui.tui.present.facts import path_lines, peer_lines, why_lines

T = 1_767_780_000.0  # 2026-01-07T10:00:00Z
OWN, STRANGER, HOLDER = 64500, 64666, 64510
PREFIX, SUB, UNUSED, OTHERS = "8.8.0.0/20", "8.8.1.0/24", "9.9.9.0/24", "7.7.0.0/20"
PEERS = [Peer("rrc00", f"192.0.2.{n}", 3000 + n) for n in range(4)]
WATCHLIST = Watchlist(
    [
        Rule(1, PREFIX, (OWN,), 22, upstreams=(701,), paths=(PathPattern("(,|^)666,"),)),
        Rule(2, UNUSED, (), 24),
    ],
    [AsRule(1, OWN, downstreams=())],
)
VRPS = [Vrp(PREFIX, 20, OWN, "arin"), Vrp(OTHERS, 24, HOLDER, "ripe")]
SLURM = Slurm(
    filters=(PrefixFilter((32, 0x08080000, 20), 64999, "stale ROA"),),
    vrps=(Vrp(OTHERS, 20, 64511, "slurm"),),
    vrp_comments={Vrp(OTHERS, 20, 64511, "slurm"): "leased out"},
    aspas={801: (802,)},
    aspa_comments={801: "by letter"},
)


class Cache:
    """A source that counts as an RTR cache's."""

    def __init__(self, union: Union) -> None:
        filtered = Vrp(PREFIX, 20, 64999, "arin")
        union.put("rtr://cache", set_of([*VRPS, filtered]), {800: (802,), 805: (804,)})
        self.refresh = self.stop = lambda *_: None

    def status(self, _now: float) -> SourceStatus:
        return SourceStatus(
            "rtr://cache", SourceState.FRESH, as_of=T - 90.0, session=4711, serial=12
        )


class Desk:
    """Monitor and correlator together."""

    def __init__(self) -> None:
        rpki = Validator([Cache], slurm=SLURM)
        rpki.refresh(T)
        self.monitor = RouteMonitor(
            WATCHLIST,
            rpki.validate,
            rpki.generation,
            min_peers=3,
            next_id=count(1).__next__,
            verify=rpki.verify_from,
            otc_leak=rpki.otc_leak,
            aspa_generation=rpki.aspa_generation,
            whole_table=WholeTable(learn_s=0.0),
            bogons=Bogons.TOLD,
            peers_of=lambda _bits: len(PEERS),
            background=RpkiBackground(
                rpki.changes_since,
                rpki.validated_before,
                rpki.aspa_changes_since,
                rpki.data_sources,
                rpki.exceptions,
            ),
            learn_s=0.0,
        )
        self.correlator = Correlator(
            Alerts(),
            Detect(),
            next_alert_id=count(1).__next__,
            peers_total=lambda: 40,
            peers_of=lambda _collector: 40,
        )
        self.events: list[RouteEvent | RouteCleared] = []
        self.alerts: dict[str, Alert] = {}

    def seed(self, prefix: str, *path: int) -> None:
        for peer in PEERS:
            self.monitor.seed(RibEntry(T - 3_600.0, peer, prefix, (peer.asn, *path)))

    def take(self, message: BgpMessage) -> None:
        now = message.timestamp
        changes = self.monitor.observe(message, now)
        self.events += changes
        told = (*self.correlator.route_events(changes, now), *self.correlator.advance(now))
        self.alerts |= {change.alert.key: change.alert for change in told}

    def announce(self, prefix: str, *path: int, otc: int | None = None) -> None:
        """By three peers, and again minutes later, since some alerts wait to see it last."""
        for at, peer in enumerate(PEERS[:3]):
            as_path: AsPath = (peer.asn, *path)
            message = BgpMessage(
                T + at,
                peer,
                MessageType.UPDATE,
                (prefix,),
                as_path=as_path,
                next_hops=("192.0.2.250",),
                communities=((64496, 7), (65535, 65281))
                if prefix == "8.8.4.0/22"
                else ((64496, 7),),
                large_communities=((64496, 1, 2),),
                otc=otc,
            )
            self.take(message)
        self._later()

    def withdraw(self, prefix: str) -> None:
        for at, peer in enumerate(PEERS):
            self.take(BgpMessage(T + at, peer, MessageType.UPDATE, (), (prefix,)))
        self._later()

    def _later(self) -> None:
        told = self.correlator.advance(T + 400.0)
        self.alerts |= {change.alert.key: change.alert for change in told}


def announced(prefix: str, *path: int, **more: Any) -> Callable[[Desk], None]:
    return lambda desk: desk.announce(prefix, *path, **more)


SCENES: dict[str, tuple[Callable[[Desk], None], AlertType, str]] = {
    "exact": (announced(PREFIX, 666, STRANGER), AlertType.HIJACK, "E|0"),
    "sub-prefix": (announced(SUB, 777, STRANGER), AlertType.HIJACK, "S|0"),
    "squatting": (announced(UNUSED, 777, STRANGER), AlertType.HIJACK, "Q|0"),
    "forged origin": (announced(PREFIX, 777, OWN), AlertType.HIJACK, "E|1"),
    "pattern": (announced(PREFIX, 666, 701, OWN), AlertType.PATH_ANOMALY, "E|P"),
    "own invalid": (announced("8.8.0.0/21", 701, OWN), AlertType.RPKI_INVALID, "S|-"),
    "new prefix": (announced("5.5.5.0/24", 701, OWN), AlertType.NEW_PREFIX, "-|-"),
    "neighbour": (announced("6.6.0.0/16", 701, OWN, 99), AlertType.PATH_ANOMALY, "-|-"),
    "ASPA leak": (announced(PREFIX, 800, 801, 805, 701, OWN), AlertType.LEAK, "-|L"),
    "OTC leak": (
        announced("11.0.0.0/16", 802, 801, 803, otc=803),
        AlertType.LEAK,
        "-|L",
    ),
    "no export": (announced("8.8.4.0/22", 701, OWN), AlertType.LEAK, "S|L"),
    "visibility": (lambda desk: desk.withdraw(PREFIX), AlertType.VISIBILITY_LOSS, "-|-"),
    "elsewhere": (announced(OTHERS, 777, STRANGER), AlertType.HIJACK, "E|0"),
}


def scene(name: str) -> tuple[Desk, Alert]:
    desk = Desk()
    desk.seed(PREFIX, 701, OWN)
    desk.seed(OTHERS, 777, HOLDER)
    act, alert_type, hijack_class = SCENES[name]
    act(desk)
    [alert] = [
        alert
        for alert in desk.alerts.values()
        if (alert.alert_type, alert.hijack_class) == (alert_type, hijack_class)
    ]
    return desk, alert


def facts_of(alert: Alert, kind: str) -> list[dict[str, Any]]:
    return [fact for fact in alert.evidence if fact["kind"] == kind]


@pytest.mark.parametrize("name", SCENES)
def test_the_evidence_of_an_alert_is_complete(name: str) -> None:
    desk, alert = scene(name)
    events = [each for each in desk.events if isinstance(each, RouteEvent)]
    [event] = [each for each in events if alert.route_event and each.id == alert.route_event.id]
    assert event.evidence["collector"] == "rrc00"
    assert event.evidence["peer"]["asn"] in {peer.asn for peer in PEERS}
    assert event.evidence["rpki_data"] == [
        {
            "name": "rtr://cache",
            "session": 4711,
            "serial": 12,
            "as_of": "2026-01-07T09:58:30Z",
            "age_s": 90 + round(event.timestamp - T),
        }
    ]
    [rpki] = facts_of(alert, "rpki")
    assert rpki["status"] == alert.rpki_status
    assert rpki["sources"] == event.evidence["rpki_data"]
    assert {vrp["trust_anchor"] for vrp in rpki["vrps"]} <= {"arin", "ripe", "slurm"}
    [rule] = facts_of(alert, "rule")[:1]
    assert rule["why"]
    [peers] = facts_of(alert, "peers")
    assert (peers["asns"], peers["total"]) == (len(peers["peers"]), 40)
    assert peers["asns"] >= 3
    if name == "visibility":
        assert rule["by_upstream"] == [{"upstream": 701, "lost": 4, "have": 0}]
        return
    path = facts_of(alert, "path")[0]
    assert path["as_path"] == list(event.as_path)
    assert path["communities"][0] == "64496:7"
    assert path["large_communities"] == ["64496:1:2"]
    assert path["next_hop"] == "192.0.2.250"
    [aspa] = facts_of(alert, "aspa")
    assert aspa["state"] in {"unknown", "invalid"}


@pytest.mark.parametrize("name", ["exact", "forged origin", "visibility"])
def test_who_had_a_watched_prefix_before_is_told_with_first_and_last_seen(name: str) -> None:
    _, alert = scene(name)
    [origins] = facts_of(alert, "origins")
    assert origins["origins"] == [
        {
            "asn": OWN,
            "first_seen": "2026-01-07T09:00:00Z",
            "last_seen": "2026-01-07T09:00:00Z",
            "peers": 4,
        }
    ]


def test_of_what_nobody_watches_the_baseline_has_the_origins_without_times() -> None:
    _, alert = scene("elsewhere")
    [origins] = facts_of(alert, "origins")
    assert origins["origins"] == [{"asn": HOLDER}]


def test_the_exceptions_that_bear_on_a_route_are_told_with_their_comments() -> None:
    told = {
        name: [
            (rule["kind"], rule["comment"]) for rule in facts_of(scene(name)[1], "rpki")[0]["slurm"]
        ]
        for name in ("sub-prefix", "elsewhere", "OTC leak", "squatting")
    }
    assert told == {
        "sub-prefix": [("filter", "stale ROA")],
        "elsewhere": [("assertion", "leased out")],
        "OTC leak": [("aspa_assertion", "by letter")],
        "squatting": [],
    }


def test_a_leak_names_the_failing_hop_and_the_records_that_were_used() -> None:
    _, alert = scene("ASPA leak")
    [aspa] = facts_of(alert, "aspa")
    assert aspa["state"] == "invalid"
    assert {"customer": 805, "provider": 801} in aspa["failing_hops"]
    assert {"customer": 800, "providers": [802]} in aspa["records"]
    assert facts_of(scene("OTC leak")[1], "path")[0]["otc"] == 803


def test_a_bogon_has_its_evidence_and_no_alert() -> None:
    desk = Desk()
    desk.announce("10.0.0.0/8", 701, 702)
    assert bogon_prefix("10.0.0.0/8")
    assert desk.alerts == {}
    [event] = desk.events
    assert isinstance(event, RouteEvent)
    assert event.evidence["rule"]["why"] == event.description
    assert event.evidence["rpki_data"][0]["serial"] == 12


@pytest.mark.parametrize("name", SCENES)
def test_the_console_shows_it_in_eighty_columns(name: str) -> None:
    _, alert = scene(name)
    lines: list[Line] = [
        *why_lines(alert.evidence, 80),
        *path_lines(alert.evidence, 80),
        *peer_lines(alert.evidence, 80),
    ]
    assert all(width_of(part) <= 80 for part in lines)
    text = "\n".join(plain(part) for part in lines)
    assert "rtr://cache, session 4711, serial 12, as of 2026-01-07 09:58:30Z" in text
    assert "{" not in text.replace("AS_SET {", "")
    for fact in alert.evidence:
        for rule in fact.get("slurm", []):
            assert rule["comment"] in text
    if facts_of(alert, "origins"):
        assert "\norigins   AS" in text
    if name != "visibility":
        assert "communities 64496:7" in text
        assert "large 64496:1:2" in text
        assert "\naspa      " in text
