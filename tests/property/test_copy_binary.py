"""The encoder of binary COPY against psycopg's own, which asks PostgreSQL's documentation too."""

import struct
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import Format

from bgptui.store import copy_binary as field


def psycopg_field(value: Any, type_name: str) -> bytes:
    """One field as psycopg writes it: length, then bytes."""
    transformer = Transformer()
    oid = transformer.adapters.types.get_oid(type_name)
    transformer.set_dumper_types([oid], Format.BINARY)
    dumped = transformer.dump_sequence([value], [PyFormat.BINARY])[0]
    assert dumped is not None
    return struct.pack(">i", len(dumped)) + bytes(dumped)


networks = st.one_of(
    st.builds(
        lambda address, length: IPv4Network((address, length), strict=False),
        st.integers(0, 2**32 - 1),
        st.integers(0, 32),
    ),
    st.builds(
        lambda address, length: IPv6Network((address, length), strict=False),
        st.integers(0, 2**128 - 1),
        st.integers(0, 128),
    ),
)
# Until 2100 a float of seconds holds every microsecond.
times = st.datetimes(
    datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC), allow_imaginary=False
)


@given(st.integers(-(2**63), 2**63 - 1))
def test_int8(value: int) -> None:
    assert field.int8(value) == psycopg_field(value, "int8")


@given(st.integers(-(2**31), 2**31 - 1))
def test_int4(value: int) -> None:
    assert field.int4(value) == psycopg_field(value, "int4")


@given(st.floats())
def test_float8(value: float) -> None:
    assert field.float8(value) == psycopg_field(value, "float8")


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_text(value: str) -> None:
    assert field.text(value) == psycopg_field(value, "text")


@given(times)
def test_timestamptz(value: datetime) -> None:
    assert field.timestamptz(value.timestamp()) == psycopg_field(value, "timestamptz")


@given(st.ip_addresses())
def test_inet(value: Any) -> None:
    assert field.inet(str(value)) == psycopg_field(value, "inet")


@given(networks)
def test_cidr(value: IPv4Network | IPv6Network) -> None:
    assert field.cidr(str(value)) == psycopg_field(value, "cidr")


@given(st.lists(networks, min_size=1, max_size=20))
def test_cidr_array(values: list[IPv4Network | IPv6Network]) -> None:
    assert field.cidr_array([str(value) for value in values]) == psycopg_field(values, "cidr[]")


@given(st.lists(st.none() | st.floats(width=32), min_size=1, max_size=9))
def test_float4_array(values: list[float | None]) -> None:
    encoded = field.float4_array(values)
    if any(value is not None for value in values):
        assert encoded == psycopg_field(values, "float4[]")


def test_booleans_and_null() -> None:
    assert field.boolean(value=True) == psycopg_field(True, "bool")
    assert field.boolean(value=False) == psycopg_field(False, "bool")
    assert field.boolean(value=None) == field.NULL == field.text(None) == field.int4(None)
