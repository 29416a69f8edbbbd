"""Seconds since 1970 UTC, as the domain has them, and datetimes, as psycopg wants them."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc(seconds: float) -> datetime:
    """Rounded to the microsecond, like every timestamp in the database."""
    return _EPOCH + timedelta(microseconds=round(seconds * 1e6))
