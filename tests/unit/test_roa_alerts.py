"""Matters of ROAs as alerts: they open, go on, resolve with their duration, and say it well."""

from itertools import count

import msgspec
from msgspec.structs import replace

from bgptui.config.schema import Alerts, Detect
from bgptui.correlate.correlator import Correlator
from bgptui.domain.alert import Alert, AlertChange, AlertType, Change, Severity, Status
from bgptui.domain.alert_json import alert_object, alert_text
from bgptui.domain.roa import RoaChange, RoaCleared, RoaEvent, RoaKind
from bgptui.store.readers import AlertDetail, AlertRow
from bgptui.tui.present.columns import Grid
from bgptui.tui.present.detail import detail_lines

T = 1_790_000_000.0
HOLD_DOWN_S = 300.0
OURS = {"prefix": "203.0.113.0/24", "max_length": 24, "asn": 64500, "trust_anchor": "ripe"}
LOST = RoaEvent(
    timestamp=T + 120,
    since=T,
    key="roa|roa_lost|AS64500|203.0.113.0/24",
    kind=RoaKind.LOST,
    severity=Severity.MEDIUM,
    description="No ROA allows AS64500 to announce your 203.0.113.0/24 any more.",
    prefixes=("203.0.113.0/24",),
    origin_asn=64500,
    watched_prefix="203.0.113.0/24",
    expected_origins=(64500,),
    rpki_status="not_found",
    evidence=(
        {"kind": "rule", "text": "watchlist rule 1: 203.0.113.0/24 up to /24 from AS64500"},
        {
            "kind": "roa",
            "prefix": "203.0.113.0/24",
            "origin": 64500,
            "status_before": "valid",
            "status": "not_found",
            "before": [OURS],
            "now": [],
        },
        {
            "kind": "rpki",
            "status": "not_found",
            "source": "rtr://a",
            "as_of": "2026-09-21T14:00:00Z",
        },
    ),
)
CHANGED = replace(
    LOST,
    key="roa|roa_changed|203.0.113.0/24",
    kind=RoaKind.CHANGED,
    severity=Severity.LOW,
    is_notice=True,
    rpki_status=None,
    evidence=({"kind": "roa", "added": [OURS], "removed": []},),
)
ANCHOR = RoaEvent(
    timestamp=T + 120,
    since=T,
    key="roa|trust_anchor_shrank|rtr://a|ripe",
    kind=RoaKind.ANCHOR,
    severity=Severity.MEDIUM,
    description="Trust anchor ripe has 850 VRPs instead of 1000.",
    prefixes=("203.0.113.0/24",),
    evidence=(
        {
            "kind": "trust_anchor",
            "source": "rtr://a",
            "trust_anchor": "ripe",
            "before": 1000,
            "now": 850,
            "watched_prefixes": 1,
        },
    ),
)


def correlator() -> Correlator:
    ids = count(1)
    return Correlator(
        Alerts(hold_down_s=HOLD_DOWN_S),
        Detect(),
        next_alert_id=lambda: next(ids),
        peers_total=lambda: 12,
        peers_of=lambda _collector: 12,
    )


def told(correlates: Correlator, change: RoaChange) -> list[AlertChange]:
    return list(correlates.roas((change,), change.timestamp))


def cleared(at: float, event: RoaEvent = LOST) -> RoaCleared:
    return RoaCleared(T + at, event.key, "it is back")


def test_an_alert_opens_at_once_without_any_peer() -> None:
    (opened,) = told(correlator(), LOST)
    alert = opened.alert
    assert opened.change is Change.OPEN
    assert (alert.alert_type, alert.severity, alert.title) == (
        AlertType.ROA,
        Severity.MEDIUM,
        "ROA Gone",
    )
    assert (alert.prefix, alert.origin_asn, alert.rpki_status) == (
        "203.0.113.0/24",
        64500,
        "not_found",
    )
    assert (alert.peers_seen, alert.confidence, alert.first_seen) == (0, 1.0, T)
    assert alert.anomaly_types == ("roa_lost",)


def test_it_resolves_after_the_hold_down_with_the_time_it_lasted() -> None:
    correlates = correlator()
    told(correlates, LOST)
    assert told(correlates, cleared(1_000)) == []
    assert correlates.advance(T + 1_000 + HOLD_DOWN_S - 1) == ()
    (resolved,) = correlates.advance(T + 1_000 + HOLD_DOWN_S)
    assert (resolved.change, resolved.alert.resolution) == (Change.RESOLVE, "it is back")
    assert alert_object(resolved)["duration_s"] == 1_000
    assert correlates.open_alerts == 0


def test_what_comes_back_in_the_hold_down_is_the_same_alert() -> None:
    correlates = correlator()
    told(correlates, LOST)
    told(correlates, cleared(1_000))
    assert told(correlates, replace(LOST, timestamp=T + 1_200)) == []
    assert correlates.advance(T + 10_000) == ()
    assert correlates.open_alerts == 1


def test_what_comes_back_later_is_a_new_alert() -> None:
    correlates = correlator()
    (first,) = told(correlates, LOST)
    told(correlates, cleared(1_000))
    again = told(correlates, replace(LOST, since=T + 5_000, timestamp=T + 5_120))
    assert [each.change for each in again] == [Change.RESOLVE, Change.OPEN]
    assert again[1].alert.alert_uuid != first.alert.alert_uuid


def test_one_that_grows_worse_is_told_at_once() -> None:
    correlates = correlator()
    told(correlates, LOST)
    worse = replace(LOST, timestamp=T + 121, severity=Severity.HIGH, rpki_status="invalid")
    (update,) = told(correlates, worse)
    assert (update.change, update.alert.severity) == (Change.UPDATE, Severity.HIGH)
    assert update.alert.title == "Own Prefix Became RPKI Invalid"


def test_a_notice_ends_by_itself_and_tells_of_what_came_in_between() -> None:
    correlates = correlator()
    (opened,) = told(correlates, CHANGED)
    assert opened.change is Change.OPEN
    more = {"kind": "roa", "added": [], "removed": [OURS]}
    told(correlates, replace(CHANGED, timestamp=T + 300, description="…", evidence=(more,)))
    assert correlates.advance(T + 120 + HOLD_DOWN_S) == ()
    (resolved,) = correlates.advance(T + 300 + HOLD_DOWN_S)
    assert resolved.change is Change.RESOLVE
    facts = [fact for fact in resolved.alert.evidence if fact["kind"] == "roa"]
    assert facts == [*CHANGED.evidence, more]


def test_a_muted_matter_opens_nothing_and_leaves_nothing_behind() -> None:
    correlates = correlator()
    assert told(correlates, replace(LOST, opens_alert=False)) == []
    assert told(correlates, replace(CHANGED, opens_alert=False)) == []
    assert told(correlates, cleared(1_000)) == []
    assert correlates.advance(T + 10_000) == ()


def test_what_a_person_closed_is_heard_of_no_more_and_forgotten_when_it_is_over() -> None:
    correlates = correlator()
    (opened,) = told(correlates, LOST)
    correlates.status_changed(opened.alert.alert_uuid, Status.RESOLVED, "ada", T + 200)
    assert told(correlates, replace(LOST, timestamp=T + 300, description="again")) == []
    told(correlates, cleared(1_000))
    assert correlates.advance(T + 10_000) == ()


def stored(change: AlertChange) -> Alert:
    """As the database gives it back."""
    evidence = msgspec.json.decode(msgspec.json.encode(change.alert.evidence))
    return replace(change.alert, evidence=tuple(evidence))


def test_a_restart_tells_nothing_again_and_the_recovery() -> None:
    before = correlator()
    (opened,) = told(before, LOST)
    correlates = correlator()
    correlates.restore([stored(opened)])
    assert told(correlates, replace(LOST, timestamp=T + 600, since=T + 600)) == []
    told(correlates, cleared(1_000))
    (resolved,) = correlates.advance(T + 2_000)
    assert resolved.alert.alert_uuid == opened.alert.alert_uuid
    assert alert_object(resolved)["duration_s"] == 1_000


def test_a_notice_ends_by_itself_after_a_restart_too() -> None:
    (opened,) = told(correlator(), CHANGED)
    correlates = correlator()
    correlates.restore([stored(opened)])
    assert [each.change for each in correlates.advance(T + 10_000)] == [Change.RESOLVE]


def test_its_line_of_text_says_nothing_of_peers() -> None:
    (opened,) = told(correlator(), LOST)
    assert alert_text(opened) == (
        "2026-09-21T14:13:20Z OPEN    medium   roa 203.0.113.0/24 AS64500 confidence 1.00 ROA Gone"
    )


def shown(alert: Alert) -> tuple[str, str]:
    """Its line in the list, and its details."""
    row = AlertRow(
        alert_id=1,
        version=1,
        alert_type=alert.alert_type,
        severity=alert.severity,
        status=alert.status,
        title=alert.title,
        confidence=alert.confidence,
        first_seen=alert.first_seen,
        last_seen=alert.last_seen,
        updated_at=alert.last_seen,
        prefix=alert.prefix,
        watched_prefix=alert.watched_prefix,
        origin_asn=alert.origin_asn,
        rpki_status=alert.rpki_status,
    )
    detail = AlertDetail(
        row=row,
        alert_uuid=str(alert.alert_uuid),
        description=alert.description,
        expected_origins=alert.expected_origins,
        affected_prefixes=alert.affected_prefixes,
        anomaly_types=alert.anomaly_types,
        evidence=alert.evidence,
    )
    listed = "".join(s.text for s in Grid(110).row(row, cursor=False, pending=False, now=T))
    lines = detail_lines(row, detail, 100)
    return listed, "\n".join("".join(span.text for span in line) for line in lines)


def test_the_console_shows_the_vrps_before_and_now() -> None:
    (opened,) = told(correlator(), LOST)
    listed, detail = shown(opened.alert)
    assert "ROA     203.0.113.0/24" in listed
    assert "AS64500" in listed
    assert "203.0.113.0/24 AS64500 valid before, not_found now" in detail
    assert "before: ROA 203.0.113.0/24 up to /24 AS64500 ripe" in detail
    assert "rtr://a" in detail
    assert "seen by" not in detail.lower()


def test_the_console_shows_a_trust_anchor_with_its_counts() -> None:
    (opened,) = told(correlator(), ANCHOR)
    assert opened.alert.prefix is None
    assert opened.alert.affected_prefixes == ("203.0.113.0/24",)
    listed, detail = shown(opened.alert)
    assert "Trust Anchor Shrank" in listed
    assert "whole network" not in listed
    assert "ripe 1000 VRPs before, 850 now by rtr://a" in detail
    assert "watched prefixes concerned: 1" in detail
    assert " roa ripe confidence " in alert_text(opened)
