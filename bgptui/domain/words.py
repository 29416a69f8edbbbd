"""Durations and counts for people."""


def duration_text(seconds: float) -> str:
    """`60 s`, `13 min 14 s`, `2 h 13 min`, `3 d 5 h`: whole seconds below an hour, then the two
    largest units."""
    whole = max(round(seconds), 0)
    if whole < 120:
        return f"{whole} s"
    days, hours = divmod(whole // 3_600, 24)
    minutes = whole // 60 % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min {whole % 60} s" if whole % 60 else f"{minutes} min"


def plural(count: int, one: str, more: str) -> str:
    """`1 peer`, `2 peers`."""
    return f"{count} {one if count == 1 else more}"
