"""The detector's weekly report: a row of detector_weeks."""

from psycopg.rows import class_row

from bgptui.domain.detector_week import DetectorWeek
from bgptui.store.connect import Connection
from bgptui.store.queries import query
from bgptui.store.times import utc


def reported_week(conn: Connection, start: float, model_version: str) -> DetectorWeek | None:
    """The report of a week that is over, made at the first call.

    Args:
        conn: commits each statement.
        start: of the week, seconds since 1970 UTC.
    Returns:
        None where this model scored nothing in that week.
    """
    parameters = {"week": utc(start), "model_version": model_version}
    with conn.cursor(row_factory=class_row(DetectorWeek)) as cursor:
        week = cursor.execute(query("store/detector_week"), parameters).fetchone()
        if week is not None:
            return week
        cursor.execute(query("store/insert_detector_week"), parameters)
        return cursor.execute(query("store/detector_week"), parameters).fetchone()
