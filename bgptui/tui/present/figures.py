"""Times and numbers as short text. Times are UTC."""

from datetime import UTC, datetime

DAY_S = 86_400


def clock(timestamp: float) -> str:
    """`14:02:31Z` of seconds since 1970 UTC."""
    return f"{datetime.fromtimestamp(timestamp, UTC):%H:%M:%S}Z"


def moment(timestamp: float) -> str:
    """`2026-01-07 14:02:31Z`."""
    return f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%d %H:%M:%S}Z"


def clock_or_day(timestamp: float, now: float | None) -> str:
    """Eight characters: `14:02:31` within a day of now, else `07 Jan26`."""
    when = datetime.fromtimestamp(timestamp, UTC)
    if now is not None and abs(now - timestamp) >= DAY_S:
        return f"{when:%d %b%y}"
    return f"{when:%H:%M:%S}"


def age(seconds: float) -> str:
    """`12s`, `3m`, `2h05m`, `5d`: a duration in at most six characters."""
    whole = max(int(seconds), 0)
    if whole < 100:
        return f"{whole}s"
    if whole < 6_000:
        return f"{whole // 60}m"
    if whole < 2 * DAY_S:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // DAY_S}d"


def count(number: float) -> str:
    """`9`, `950`, `9.8k`, `1.2M`: at most four characters, below a thousand million."""
    if number < 999.5:
        return f"{number:.0f}"
    for factor, unit in ((1e3, "k"), (1e6, "M"), (1e9, "G")):
        scaled = number / factor
        if scaled < 9.95:
            return f"{scaled:.1f}{unit}"
        if scaled < 999.5:
            return f"{scaled:.0f}{unit}"
    return f"{number:.0e}"


def figure(number: float) -> str:
    """A feature's value in at most five characters: `0`, `412`, `4.6`, `0.08`, `12k`."""
    if number >= 999.5:
        return count(number)
    if number == int(number) or number >= 99.95:
        return f"{number:.0f}"
    return f"{number:.1f}" if number >= 9.995 else f"{number:.2f}".rstrip("0").rstrip(".")


def fraction(share: float) -> str:
    """A confidence in three characters: `.95`, `1.0`, `.00`."""
    text = f"{share:.2f}"
    return text[1:] if text.startswith("0") else text[:3]


def percent(part: int, whole: int) -> str:
    """A share in percent: `51`, `0.9`, `<.1` for little but not nothing."""
    if whole == 0 or part == 0:
        return "0"
    share = 100 * part / whole
    if share < 0.05:
        return "<.1"
    if share < 9.95:
        return f"{share:.1f}"
    # Never 100 while a part is missing.
    return f"{min(round(share), 99) if part < whole else 100}"


def size(number_bytes: float) -> str:
    """`512M`, `1.9G`, `74G`: binary units."""
    for factor, unit in ((2**20, "M"), (2**30, "G"), (2**40, "T")):
        scaled = number_bytes / factor
        if scaled < 9.95:
            return f"{scaled:.1f}{unit}"
        if scaled < 1_000:
            return f"{scaled:.0f}{unit}"
    return f"{number_bytes / 2**40:.0f}T"
