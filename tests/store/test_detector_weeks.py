"""The detector's weekly report: made once, of one model, of minutes that count."""

from datetime import UTC, datetime

import msgspec

from bgptui.config.schema import Detect
from bgptui.detect.detector import Detector
from bgptui.detect.model_bundle import configured_bundle
from bgptui.domain.alert import (
    Alert,
    AlertChange,
    AlertType,
    Change,
    Reference,
    Severity,
    Status,
    alert_uuid,
)
from bgptui.domain.detector_week import DetectorWeek
from bgptui.domain.routing import Peer
from bgptui.domain.score import WindowScore
from bgptui.domain.window import FEATURES, FeatureWindow
from bgptui.pipeline.drift_watch import DriftWatch
from bgptui.store.alerts import update_alert_status
from bgptui.store.connect import Connection
from bgptui.store.detector_weeks import reported_week
from bgptui.store.writer import WriteBatch, Writer

MONDAY = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp())
DAY_S = 86_400
MODEL = "default-1"


def score(
    number: int,
    start: int,
    ensemble: float | None,
    *,
    learning: bool = False,
    model_version: str = MODEL,
) -> WindowScore:
    return WindowScore(
        id=number,
        feature_id=number,
        window=FeatureWindow(start, None),
        zscores=(0.0,) * len(FEATURES),
        lstm_error=None,
        lstm=ensemble,
        isolation_forest=None,
        heuristic=None,
        reasons=(),
        ensemble=ensemble,
        confidence=1.0,
        is_anomaly=False,
        model_version=model_version,
        learning=learning,
        baseline_minutes=1_440,
    )


def ml_alert(number: int, first_seen: float, *, ml_result: Reference) -> Alert:
    key = f"ml_anomaly|{number}"
    return Alert(
        alert_id=number,
        alert_uuid=alert_uuid(AlertType.ML_ANOMALY, key, first_seen),
        key=key,
        alert_type=AlertType.ML_ANOMALY,
        severity=Severity.MEDIUM,
        confidence=0.5,
        title="Anomaly",
        description="of the whole network",
        first_seen=first_seen,
        last_seen=first_seen,
        ml_result=ml_result,
    )


def write(writer: Writer, *scores: WindowScore, alerts: tuple[Alert, ...] = ()) -> None:
    changes = tuple(AlertChange(Change.OPEN, alert) for alert in alerts)
    writer.process(WriteBatch(now=0.0, scores=scores, alerts=changes), 0.0)


def test_a_week_without_scores_is_not_reported(conn: Connection) -> None:
    assert reported_week(conn, MONDAY, MODEL) is None
    assert conn.execute("select count(*) from detector_weeks").fetchone() == (0,)


def test_a_week_is_reported_with_its_median_and_false_positives(
    conn: Connection, writer: Writer
) -> None:
    in_week = [score(n, MONDAY + 60 * n, value) for n, value in enumerate((0.01, 0.0432, 0.9))]
    of_peer = msgspec.structs.replace(
        score(9, MONDAY, 0.7), window=FeatureWindow(MONDAY, Peer("rrc00", "192.0.2.1", 64496))
    )
    others = (
        of_peer,
        score(10, MONDAY - 60, 0.5),
        score(11, MONDAY + 7 * DAY_S, 0.5),
        score(12, MONDAY, 0.5, learning=True),
        score(13, MONDAY, None),
        score(14, MONDAY, 0.5, model_version="other"),
    )
    own, of_other = Reference(2, MONDAY + 120), Reference(14, MONDAY)
    alerts = (
        ml_alert(1, MONDAY + 180.0, ml_result=own),
        ml_alert(2, MONDAY + 240.0, ml_result=own),
        ml_alert(3, MONDAY + 240.0, ml_result=of_other),
        ml_alert(4, MONDAY + 7.0 * DAY_S, ml_result=own),
    )
    write(writer, *in_week, *others, alerts=alerts)
    for number in (2, 3, 4):
        update_alert_status(conn, number, Status.FALSE_POSITIVE, "ann")
    report = DetectorWeek(MONDAY, MODEL, 4, 3, 0.0432, ml_alerts=2, false_positives=1)
    assert reported_week(conn, MONDAY, MODEL) == report
    update_alert_status(conn, 1, Status.FALSE_POSITIVE, "ann")
    assert reported_week(conn, MONDAY, MODEL) == report, "a report does not change"


def test_the_health_row_is_told_that_scores_have_drifted(conn: Connection, writer: Writer) -> None:
    bundle = configured_bundle("default")
    assert bundle is not None
    high = (score(n, MONDAY + 60 * n, 0.3, model_version=bundle.version) for n in range(1_440))
    write(writer, *high)
    number = iter(range(1)).__next__
    with_models = Detector(Detect(), bundle=bundle, next_feature_id=number, next_result_id=number)
    watch = DriftWatch(with_models)
    hints = []
    for days in (7.5, 8.0, 15.0):
        watch.look(conn, MONDAY + days * DAY_S)
        hints.append([text[:35] for text in watch.hint])
    assert hints == [[], ["drift: median score 0.300 last week"], []]


def test_without_a_model_nothing_can_drift(conn: Connection, writer: Writer) -> None:
    number = iter(range(1)).__next__
    rules = Detector(Detect(), bundle=None, next_feature_id=number, next_result_id=number)
    write(writer, score(1, MONDAY, 0.9, model_version=rules.model_version))
    watch = DriftWatch(rules)
    watch.look(conn, MONDAY + 8.0 * DAY_S)
    assert watch.hint == ()
    assert conn.execute("select count(*) from detector_weeks").fetchone() == (0,)
