"""Values of flags: read, or refused with what would be right."""

import argparse
import re
from datetime import UTC, datetime


def count(text: str) -> int:
    """A whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def duration_s(text: str) -> float:
    """Seconds, of `90s`, `15m`, `2h` or `1d`."""
    match = re.fullmatch(r"(\d+)([smhd])", text, re.ASCII)
    if match is None or not int(match[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration, e.g. 90s, 15m, 2h or 1d")
    return float(int(match[1]) * {"s": 1, "m": 60, "h": 3_600, "d": 86_400}[match[2]])


def as_number(text: str) -> int:
    """An AS number, `64500` or `AS64500`."""
    dotted = re.fullmatch(r"(\d{1,5})\.(\d{1,5})", text, re.ASCII)
    if dotted is not None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is asdot notation: write {int(dotted[1]) * 65_536 + int(dotted[2])}"
        )
    match = re.fullmatch(r"(?:AS)?(\d{1,10})", text, re.ASCII | re.IGNORECASE)
    if match is None or not 1 <= int(match[1]) <= 2**32 - 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not an AS number (1 to {2**32 - 1})")
    return int(match[1])


def port(text: str) -> int:
    """A TCP port; 0 for a free one."""
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)


def moment(text: str) -> float:
    """Seconds since 1970, of an ISO 8601 time; UTC where it does not say."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time: write 2026-01-07 or 2026-01-07T10:00:00Z"
        ) from None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
