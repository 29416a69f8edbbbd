"""Evidence of a kind that nobody foresaw: its fields, one by one."""

from collections.abc import Mapping
from typing import Any

from bgptui.tui.lines import Line, Span, Tone, line, wrap

_INDENT = 2


def evidence_lines(fact: Mapping[str, Any], width: int) -> list[Line]:
    """One fact: its kind, then its fields, nested ones indented."""
    kind = str(fact.get("kind", ""))
    lines = [line(Span(kind.replace("_", " "), Tone.STRONG))] if kind else []
    for name, value in fact.items():
        if name != "kind" and not _empty(value):
            lines += _field(name, value, width, _INDENT)
    return lines


def _empty(value: object) -> bool:
    return value is None or value in ("", [], (), {})


def _field(name: str, value: object, width: int, indent: int) -> list[Line]:
    label = name.replace("_", " ")
    if _is_table(value):
        assert isinstance(value, list | tuple)  # noqa: S101  # for the type checker
        lines = _wrapped(f"{label}:", "", width, indent)
        for item in value:
            lines += _wrapped("-", _flat(item), width, indent + _INDENT)
        return lines
    return _wrapped(label, _flat(value), width, indent)


def _is_table(value: object) -> bool:
    return isinstance(value, list | tuple) and any(isinstance(item, dict) for item in value)


def _wrapped(label: str, text: str, width: int, indent: int) -> list[Line]:
    margin = " " * indent
    rows = wrap(text, width - indent - len(label) - 1)
    after = " " * (len(label) + 1)
    return [
        line(margin, Span(f"{label} ", Tone.FAINT) if at == 0 else after, row)
        for at, row in enumerate(rows)
    ]


def _flat(value: object) -> str:
    """A value on one line; numbers with three significant digits where they are fractions."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.0f}" if value == int(value) and abs(value) < 1e12 else f"{value:.3g}"
    if isinstance(value, dict):
        return ", ".join(
            f"{k.replace('_', ' ')} {_flat(v)}" for k, v in value.items() if not _empty(v)
        )
    if isinstance(value, list | tuple):
        return ", ".join(_flat(item) for item in value)
    return str(value)
