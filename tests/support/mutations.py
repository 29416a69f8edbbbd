"""Hypothesis strategies that change what is right into what is almost right."""

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

# Where numbers end, and what parsers are known to stumble over.
_EDGES: list[Any] = [
    *(sign * (2**bits + off) for bits in (8, 16, 31, 32, 63, 64) for off in (-1, 0, 1)
      for sign in (1, -1)),
    *(0, -1, 1e308, -1e308, 5e-324, 0.1, "", "0", "\0", "\ud800", "::", "::/0", "0.0.0.0/0"),
    *("1.2.3.4/33", "256.1.1.1/8", "::ffff:1.2.3.4/128", "fe80::1%eth0", "٣", "1_0", "+1", " 1"),
    *(None, True, False, [], {}, [[]], [None], "a" * 5_000, list(range(300))),
]  # fmt: skip
_TOKENS = [
    b"\0",
    b"\xff",
    b"\n",
    b"[",
    b"{",
    b'"',
    b",",
    b"\\u0000",
    b"\xed\xa0\x80",
    b"1e999",
    b"-0",
]
_DEEP = 5_000


def mutated_bytes(seeds: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """A seed with some bytes changed, taken out, put in or doubled; sometimes anything at all."""
    return _mutated(seeds) | st.binary(max_size=300)


@st.composite
def mutated_json(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """A seed with some of its values replaced; seeds that are no JSON are left out."""
    document = draw(_one_of([one for one in map(_parsed, seeds) if one is not None]))
    for _ in range(draw(st.integers(1, 3))):
        document = _replaced(draw, document)
    if draw(st.integers(0, 50)) == 0:
        return b"[" * _DEEP + json.dumps(document).encode() + b"]" * _DEEP
    return json.dumps(document).encode()


@st.composite
def _mutated(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    octets = bytearray(draw(_one_of(seeds)))
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(octets)))
        length = draw(st.integers(1, 20))
        match draw(st.integers(0, 5)):
            case 0:
                octets[place : place + 1] = draw(st.binary(min_size=1, max_size=1))
            case 1:
                del octets[place : place + length]
            case 2:
                octets[place:place] = draw(st.sampled_from(_TOKENS)) * length
            case 3:
                octets[place:place] = octets[place : place + length] * draw(st.integers(1, 50))
            case 4:
                del octets[place:]
            case _:
                octets += draw(_one_of(seeds))
    return bytes(octets)


def _one_of(values: Sequence[Any]) -> st.SearchStrategy[Any]:
    """As sampled_from, which would repeat all of them in every report."""
    return st.integers(0, len(values) - 1).map(lambda index: values[index])


def _parsed(seed: bytes) -> Any:
    try:
        return json.loads(seed)
    except ValueError:
        return None


def _replaced(draw: st.DrawFn, value: Any) -> Any:
    """The document with one value, somewhere inside, replaced, left out or doubled."""
    if isinstance(value, dict) and value and draw(st.booleans()):
        key = draw(st.sampled_from(sorted(value)))
        if draw(st.integers(0, 9)) == 0:
            return {other: kept for other, kept in value.items() if other != key}
        return value | {key: _replaced(draw, value[key])}
    if isinstance(value, list) and value and draw(st.booleans()):
        index = draw(st.integers(0, len(value) - 1))
        again = [value[index]] * draw(st.sampled_from([0, 0, 1, 200]))
        return [*value[:index], _replaced(draw, value[index]), *again, *value[index + 1 :]]
    if isinstance(value, str) and value and draw(st.booleans()):
        place = draw(st.integers(0, len(value)))
        return value[:place] + draw(st.text(max_size=3)) + value[place + draw(st.integers(0, 2)) :]
    return draw(st.sampled_from(_EDGES))
