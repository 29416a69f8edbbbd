"""A console without a database: made snapshots, a feed that hands them out, a clock that stands."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from bgptui.domain.alert import AlertType, Severity, Status
from bgptui.domain.health import FeedHealth, Health, RpkiHealth, StageHealth, StageState
from bgptui.store.connect import Connection, connect
from bgptui.store.readers import (
    AlertDetail,
    AlertRow,
    CollectorRow,
    NetworkWindow,
    StatusEvent,
)
from bgptui.tui.acts import Act, Outcome, ReloadWatchlist, Result, SetStatus
from bgptui.tui.app import Bell, ConsoleApp, Pipeline
from bgptui.tui.snapshot import Snapshot
from support.outlet import Outlet

# 2026-01-07 14:02:31 UTC
NOW = 1_767_794_551.0


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the terminal that runs the tests colours what they see."""
    for name in ("NO_COLOR", "TEXTUAL_THEME", "TEXTUAL", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)


class Samples:
    """Values as the database would give them."""

    now = NOW

    @staticmethod
    def row(alert_id: int, **changes: Any) -> AlertRow:
        """A critical sub-prefix hijack, or what `changes` make of it."""
        row = AlertRow(
            alert_id=alert_id,
            version=1,
            alert_type=AlertType.HIJACK,
            severity=Severity.CRITICAL,
            status=Status.OPEN,
            title="Route Hijack Suspected",
            confidence=0.95,
            first_seen=NOW - 47,
            last_seen=NOW - 3,
            updated_at=NOW - 2,
            hijack_class="S|0",
            prefix="203.0.113.128/25",
            watched_prefix="203.0.113.0/24",
            origin_asn=64666,
            peer_addr="192.0.2.1",
            peer_asn=64496,
            peers_seen=14,
            peers_total=63,
            rpki_status="invalid",
        )
        return replace(row, **changes)

    @classmethod
    def rows(cls) -> tuple[AlertRow, ...]:
        """Twenty alerts of all kinds, the twentieth closed."""
        row = cls.row
        special = (
            row(8841),
            row(
                8840,
                alert_type=AlertType.VISIBILITY_LOSS,
                severity=Severity.HIGH,
                title="Visibility lost at 52 of 63 peers",
                prefix="2001:db8:1234:5678::/64",
                origin_asn=4_200_000_123,
                rpki_status="valid",
                confidence=0.8,
            ),
            row(
                8839,
                alert_type=AlertType.ML_ANOMALY,
                severity=Severity.HIGH,
                title="Withdrawal storm",
                prefix=None,
                watched_prefix=None,
                origin_asn=None,
                peer_addr=None,
                peer_asn=None,
                rpki_status=None,
                hijack_class=None,
                confidence=0.71,
                peers_seen=6,
            ),
            row(
                8838,
                alert_type=AlertType.SESSION,
                severity=Severity.MEDIUM,
                status=Status.ACKNOWLEDGED,
                acknowledged_by="maria",
                version=2,
                title="Session down",
                prefix=None,
                watched_prefix=None,
                origin_asn=None,
                peer_addr="2001:db8:ffff::179",
                peer_asn=64511,
                rpki_status=None,
                confidence=1.0,
                peers_seen=1,
            ),
            row(
                8700,
                alert_type=AlertType.RPKI_INVALID,
                severity=Severity.MEDIUM,
                title="RPKI invalid: length",
                prefix="198.51.100.0/25",
                origin_asn=64500,
                confidence=0.3,
                last_seen=NOW - 3 * 86_400,
                first_seen=NOW - 4 * 86_400,
            ),
        )
        plain = tuple(
            row(
                8600 - at,
                severity=Severity.LOW,
                alert_type=AlertType.NEW_PREFIX,
                title="New prefix",
                prefix=f"192.0.2.{16 * at}/28",
                origin_asn=64500,
                rpki_status="not_found",
                confidence=0.3,
                peers_seen=3,
                last_seen=NOW - 60 * at,
                first_seen=NOW - 3600,
            )
            for at in range(14)
        )
        closed = row(8500, status=Status.RESOLVED, version=2)
        return (*special, *plain, closed)

    @staticmethod
    def windows(minutes: int = 120) -> tuple[NetworkWindow, ...]:
        """A quiet hour with a storm in its last minutes, and a gap of three minutes before."""
        newest = int(NOW) // 60 * 60 - 60
        windows = []
        for at in range(minutes):
            back = minutes - 1 - at
            storm = 8 if back < 2 else 1
            announcements = 200 + 17 * (at % 5)
            withdrawals = (20 + 3 * (at % 4)) * storm
            total = announcements + withdrawals
            windows.append(
                NetworkWindow(
                    start=newest - 60 * back,
                    values=(
                        announcements,
                        withdrawals,
                        total,
                        withdrawals / total,
                        (at % 3) * storm,
                        4.6 + 0.1 * (at % 2),
                        63,
                        total / 60,
                        0,
                    ),
                    zscores=(0.4, 5.2, 1.9, 4.4, 2.7, -0.3, 0.0, 1.9, None),
                    gap=10 <= back < 13,
                )
            )
        return tuple(windows)

    @staticmethod
    def health(**changes: Any) -> Health:
        ok = [StageHealth(n, StageState.OK, 0, 64, 0.01) for n in ("ingest", "agg", "rpki", "db")]
        slow = StageHealth("score", StageState.SLOW, 12, 64, 2.1, "2 windows behind")
        health = Health(
            now=NOW,
            feed=FeedHealth("live", "wss://ris-live.ripe.net", "live", last_message=NOW - 1.2),
            rpki=RpkiHealth(
                "vrps.json",
                "fresh",
                723_521,
                NOW - 180,
                valid=402_000,
                invalid=7_100,
                not_found=380_000,
            ),
            stages=(ok[0], ok[1], slow, ok[2], ok[3]),
            collectors=("rrc00", "rrc01", "rrc03"),
            peers=63,
            messages=1_234_567,
            rate_per_s=9_800.0,
            lag_s=1.2,
            dropped={"ingest.bad_prefix": 12, "ingest.malformed": 1},
            learning=1.0,
            open_alerts=19,
            model_version="heuristics-1",
            disk_free_bytes=74 * 2**30,
            disk_hours_left=312.0,
        )
        return replace(health, **changes)

    @classmethod
    def snapshot(cls, **changes: Any) -> Snapshot:
        """All is well with the pipeline, much is wrong with routing."""
        snapshot = Snapshot(
            sequence=1,
            taken=0.0,
            collector=CollectorRow("noc1:4711", 0.4, cls.health()),
            alerts=cls.rows(),
            open_counts={
                Severity.CRITICAL: 1,
                Severity.HIGH: 2,
                Severity.MEDIUM: 1,
                Severity.LOW: 14,
            },
            windows=cls.windows(),
        )
        return replace(snapshot, **changes)

    @classmethod
    def detail(cls, row: AlertRow) -> AlertDetail:
        """Evidence as the correlator writes it."""
        return AlertDetail(
            row=row,
            alert_uuid="5f0c7a52-6f7e-5d3e-9a55-0d3f6f1f2a77",
            description="203.0.113.128/25 is announced by AS64666; the watchlist expects AS64500.",
            expected_origins=(64500,),
            affected_prefixes=("203.0.113.128/25",),
            anomaly_types=("hijack_suspected", "rpki_invalid"),
            ensemble_score=0.82,
            heuristic_score=0.9,
            rpki_score=0.72,
            final_score=0.9496,
            evidence=(
                {
                    "kind": "rule",
                    "event_type": "hijack_suspected",
                    "reason": "subprefix",
                    "class": "S|0",
                    "severity": "critical",
                    "min_peers": 3,
                    "text": "watchlist rule 1: 203.0.113.0/24 up to /24 from AS64500",
                    "description": "our office",
                },
                {
                    "kind": "rpki",
                    "status": "invalid",
                    "reason": "asn",
                    "source": "vrps.json",
                    "as_of": "2026-01-07T13:59:31.5Z",
                    "vrps": [
                        {
                            "prefix": "203.0.113.0/24",
                            "max_length": 24,
                            "asn": 64500,
                            "trust_anchor": "ripe",
                        },
                    ],
                    "vrps_more": 0,
                },
                {
                    "kind": "ml",
                    "stream": "network",
                    "window": "2026-01-07T14:01:00Z",
                    "ensemble": 0.82,
                    "lstm": None,
                    "isolation_forest": None,
                    "heuristic": 0.82,
                    "reasons": [{"name": "WITHDRAWAL_STORM", "p": 0.9}],
                    "features": [
                        {
                            "name": "withdrawals",
                            "value": 232,
                            "z": 5.2,
                            "median": 24.0,
                            "spread": 3.5,
                        },
                    ],
                    "learning": False,
                },
                {
                    "kind": "path",
                    "as_path": [64496, 64511, 64666],
                    "collector": "rrc00",
                    "peer_addr": "192.0.2.1",
                    "peer_asn": 64496,
                    "seen": "2026-01-07T14:01:44.25Z",
                },
                {"kind": "path", "as_path": [64497, [64501, 64502], 64666]},
                {
                    "kind": "peers",
                    "asns": 14,
                    "peers": [
                        {
                            "collector": "rrc00",
                            "peer_addr": "192.0.2.1",
                            "peer_asn": 64496,
                            "since": "2026-01-07T14:01:44Z",
                        },
                    ],
                    "peers_more": 13,
                },
                {
                    "kind": "confidence",
                    "route": 0.72,
                    "route_source": "rpki",
                    "route_peers": 14,
                    "route_q": 1.0,
                    "ml": 0.82,
                    "ml_source": "network",
                    "ml_q": 1.0,
                    "history": 0.0,
                    "formula": "(1 - (1 - 1 * 0.72) * (1 - 1 * 0.82)) * (1 - 0.00) = 0.95",
                },
            ),
            history=(
                StatusEvent(
                    timestamp=NOW - 20,
                    operator="maria",
                    from_status=Status.OPEN,
                    to_status=Status.ACKNOWLEDGED,
                    note="calling AS64666",
                ),
                StatusEvent(
                    timestamp=NOW - 10,
                    operator="maria",
                    from_status=Status.ACKNOWLEDGED,
                    to_status=Status.OPEN,
                    note="undo",
                ),
            ),
        )


class FakeFeed:
    """Hands out what a test puts in; does acts on its own rows, as the database would."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.latest = snapshot
        self.error: BaseException | None = None
        self.acts: list[Act] = []
        self.followed: int | None = None
        self.refuses: Result | None = None
        self._outcomes: list[Outcome] = []

    def put(self, **changes: Any) -> None:
        """The next snapshot."""
        self.latest = replace(self.latest, sequence=self.latest.sequence + 1, **changes)

    def submit(self, act: Act) -> None:
        self.acts.append(act)
        if self.refuses is not None:
            alert_id = act.seen.alert_id if isinstance(act, SetStatus) else None
            self._outcomes.append(Outcome(act, alert_id, self.refuses, "NOT DONE: told so"))
            return
        if isinstance(act, ReloadWatchlist):
            return  # the collector takes its time; `answer` brings it
        if isinstance(act, SetStatus):
            self._set(act.seen.alert_id, act.status)
            outcome = Outcome(act, act.seen.alert_id, Result.DONE, f"{act.seen.alert_id} done")
        else:
            undone = next(a for a in self.acts if isinstance(a, SetStatus) and a.number == act.of)
            self._set(undone.seen.alert_id, undone.seen.status)
            outcome = Outcome(act, undone.seen.alert_id, Result.DONE, "undone")
        self._outcomes.append(outcome)

    def answer(self, result: Result, message: str) -> None:
        """What comes of the act before."""
        self._outcomes.append(Outcome(self.acts[-1], None, result, message))

    def outcomes(self) -> list[Outcome]:
        ended, self._outcomes = self._outcomes, []
        return ended

    def follow(self, alert_id: int | None) -> None:
        self.followed = alert_id
        row = next((row for row in self.latest.alerts if row.alert_id == alert_id), None)
        self.put(detail=None if row is None else Samples.detail(row))

    def _set(self, alert_id: int, status: Status) -> None:
        self.put(
            alerts=tuple(
                replace(row, status=status, version=row.version + 1)
                if row.alert_id == alert_id
                else row
                for row in self.latest.alerts
            )
        )


@pytest.fixture
def samples() -> type[Samples]:
    return Samples


@pytest.fixture
def feed() -> FakeFeed:
    return FakeFeed(Samples.snapshot())


class StandingClock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 0.4

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


MakeConsole = Callable[..., ConsoleApp]


@pytest.fixture
def console(feed: FakeFeed, clock: StandingClock, monkeypatch: pytest.MonkeyPatch) -> MakeConsole:
    """Makes the console over `feed`; keyword arguments replace ConsoleApp's."""
    # Ticks come from the test, never between two lines of it.
    monkeypatch.setattr("bgptui.tui.app.TICK_S", 3600.0)
    monkeypatch.setattr("bgptui.tui.app.HURRY_S", 3600.0)

    def make(**changes: Any) -> ConsoleApp:
        settings: dict[str, Any] = {
            "hosts_pipeline": Pipeline.ELSEWHERE,
            "operator": "noc",
            "refresh_s": 3600.0,
            "bell": Bell.ON,
            "clock": clock,
        }
        return ConsoleApp(feed, **(settings | changes))

    return make


@pytest.fixture
def conn(database: str) -> Iterator[Connection]:
    with connect(database, application_name="test", timeout_s=5) as connection:
        yield connection


@pytest.fixture
def outlet(database: str) -> Outlet:
    return Outlet(database)
