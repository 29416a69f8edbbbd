"""The JSON line and the text line of an alert."""

from uuid import UUID

import msgspec
import pytest

from bgptui.domain.alert import Alert, AlertChange, AlertType, Change, Severity, Status
from bgptui.domain.alert_json import alert_line, alert_object, alert_text, from_iso_utc, iso_utc
from bgptui.domain.words import duration_text

HIJACK = Alert(
    alert_id=17,
    alert_uuid=UUID("00000000-0000-5000-8000-000000000017"),
    key="route|origin|203.0.113.128/25|64666",
    alert_type=AlertType.HIJACK,
    severity=Severity.CRITICAL,
    confidence=0.94960001,
    title="Route Hijack Suspected",
    description="",
    first_seen=1767780015.0,
    last_seen=1767780044.25,
    hijack_class="S|0",
    prefix="203.0.113.128/25",
    watched_prefix="203.0.113.0/24",
    origin_asn=64666,
    expected_origins=(64500,),
    peer_addr="192.0.2.1",
    peers_seen=14,
    peers_total=63,
    anomaly_types=("hijack_suspected", "rpki_invalid"),
    ensemble_score=0.82,
    rpki_status="invalid",
    evidence=({"kind": "path", "as_path": [64496, 64666]},),
)


def test_the_line_is_the_documented_one_to_the_byte() -> None:
    assert alert_line(AlertChange(Change.OPEN, HIJACK)) == (
        '{"event":"open","alert_id":17,"alert_uuid":"00000000-0000-5000-8000-000000000017",'
        '"alert_type":"hijack","class":"S|0","severity":"critical","confidence":0.95,'
        '"title":"Route Hijack Suspected","prefix":"203.0.113.128/25",'
        '"watched_prefix":"203.0.113.0/24","origin_asn":64666,"expected_origins":[64500],'
        '"peer_addr":"192.0.2.1","peers_seen":14,"peers_total":63,'
        '"first_seen":"2026-01-07T10:00:15Z","last_seen":"2026-01-07T10:00:44.25Z",'
        '"status":"open","anomaly_types":["hijack_suspected","rpki_invalid"],'
        '"ensemble_score":0.82,"rpki_status":"invalid",'
        '"evidence":[{"kind":"path","as_path":[64496,64666]}]}'
    )


def test_only_a_resolve_has_a_duration() -> None:
    ended = msgspec.structs.replace(
        HIJACK, status=Status.RESOLVED, resolved_at=HIJACK.first_seen + 329.5
    )
    assert alert_object(AlertChange(Change.RESOLVE, ended))["duration_s"] == 329.5
    assert "duration_s" not in alert_object(AlertChange(Change.UPDATE, HIJACK))


@pytest.mark.parametrize(
    ("timestamp", "text"),
    [
        (0.0, "1970-01-01T00:00:00Z"),
        (1767780015.0, "2026-01-07T10:00:15Z"),
        (1767780015.1, "2026-01-07T10:00:15.1Z"),
        (1767780015.000001, "2026-01-07T10:00:15.000001Z"),
        (1767780059.9999999, "2026-01-07T10:01:00Z"),
    ],
)
def test_times_are_utc_without_needless_digits(timestamp: float, text: str) -> None:
    assert iso_utc(timestamp) == text
    assert from_iso_utc(text) == pytest.approx(timestamp, abs=1e-6)


def test_the_text_line_says_what_a_person_needs() -> None:
    assert alert_text(AlertChange(Change.OPEN, HIJACK)) == (
        "2026-01-07T10:00:15Z OPEN    critical hijack 203.0.113.128/25 AS64666 "
        "confidence 0.95 peers 14/63 Route Hijack Suspected"
    )
    ended = msgspec.structs.replace(HIJACK, resolved_at=HIJACK.first_seen + 60)
    assert alert_text(AlertChange(Change.RESOLVE, ended)) == (
        "2026-01-07T10:01:15Z RESOLVE critical hijack 203.0.113.128/25 AS64666 "
        "confidence 0.95 peers 14/63 Route Hijack Suspected after 60 s"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 s"),
        (119.4, "119 s"),
        (120.0, "2 min"),
        (3_599.0, "59 min 59 s"),
        (3_600.0, "1 h"),
        (7_994.25, "2 h 13 min"),
        (86_400.0, "1 d"),
        (277_200.0, "3 d 5 h"),
    ],
)
def test_a_duration_is_said_as_people_say_it(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_a_line_of_text_has_no_fractions_of_a_second() -> None:
    live = msgspec.structs.replace(HIJACK, first_seen=HIJACK.first_seen + 0.560253)
    assert alert_text(AlertChange(Change.OPEN, live)).startswith("2026-01-07T10:00:15Z OPEN")


def test_the_hold_down_of_a_route_is_no_part_of_its_duration() -> None:
    withdrawn = {"kind": "withdrawn", "at": iso_utc(HIJACK.first_seen + 60), "resolves_at": None}
    gone = msgspec.structs.replace(HIJACK, evidence=(withdrawn,))
    assert alert_text(AlertChange(Change.UPDATE, gone)).endswith("Suspected (withdrawn)")
    ended = msgspec.structs.replace(gone, resolved_at=HIJACK.first_seen + 360)
    resolve = AlertChange(Change.RESOLVE, ended)
    assert alert_object(resolve)["duration_s"] == 60
    assert alert_text(resolve).startswith("2026-01-07T10:06:15Z RESOLVE")
    assert alert_text(resolve).endswith("Suspected after 60 s")


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\r\n", "\x9b31m", "\u202e", "\u2028", "\x00"])
def test_the_text_line_carries_no_control_characters(hostile: str) -> None:
    forged = msgspec.structs.replace(HIJACK, title=f"a{hostile}b", prefix=f"{hostile}x")
    assert alert_text(AlertChange(Change.UPDATE, forged)).isprintable()
