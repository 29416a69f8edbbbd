"""Connection strings: read, described, masked, and made for the embedded server."""

import os
import re
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from bgptui.errors import UsageError

MASK = "***"


def parsed_dsn(dsn: str) -> dict[str, Any]:
    """Keywords and values.

    Raises:
        UsageError: libpq cannot read it, or reads pieces of a password as something else.
    """
    try:
        given = conninfo_to_dict(dsn)
    except psycopg.Error:
        given = None
    if given is not None and not _is_torn(dsn, given):
        return given
    # Neither chained to libpq's error nor with its text: that quotes pieces of the string.
    raise UsageError(
        "[store] dsn is no PostgreSQL connection string (not shown: it may hold a password); "
        "write host=... port=... dbname=... user=..., or postgresql://user@host:port/dbname "
        "with special characters of a password percent-encoded"
    )


def describe(dsn: str) -> str:
    """Who and where, for a message: `bgp on db.example.net:5432 as noc`; never a secret."""
    given = parsed_dsn(dsn)
    host = given.get("hostaddr") or given.get("host") or "the default host"
    hosts, ports = str(host).split(","), str(given.get("port") or 5432).split(",")
    if len(ports) == 1:
        ports *= len(hosts)
    places = ",".join(f"{h}:{p}" for h, p in zip(hosts, ports, strict=False))
    user = given.get("user")
    database = given.get("dbname") or user or "(default)"
    return f"{database} on {places}" + (f" as {user}" if user else "")


def masked_dsn(dsn: str) -> str:
    """The same connection string as keywords and values, with every secret as `***`.

    One that cannot be read is masked whole: no part of it is known not to be a password.
    """
    try:
        given = parsed_dsn(dsn)
    except UsageError:
        return MASK
    secret = _secret_keywords()
    shown = {name: MASK if name in secret else value for name, value in given.items()}
    return make_conninfo("", **shown)


def without_secrets(text: str, dsn: str) -> str:
    """`text` with each secret that stands in `dsn` replaced by `***`."""
    given = parsed_dsn(dsn)
    for name in _secret_keywords() & given.keys():
        if given[name]:
            text = text.replace(str(given[name]), MASK)
    return text


def socket_dsn(directory: Path, *, port: int, user: str, database: str) -> str:
    """For a server behind a Unix socket, whatever PG* variables say: these mean another one.

    Only an explicit value wins over a variable, so each that is set gets libpq's own default.
    PGSERVICE has none that means "no service".
    """
    settings = {
        option.keyword.decode(): (option.compiled or b"").decode()
        for option in psycopg.pq.Conninfo.get_defaults()
        if option.envvar and option.envvar in os.environb and option.keyword != b"service"
    }
    settings |= {"host": str(directory), "port": str(port), "user": user, "dbname": database}
    return make_conninfo("", **settings)


def _is_torn(dsn: str, given: dict[str, Any]) -> bool:
    """Whether a `/` or `@` in a URL's password made libpq cut it in the wrong place.

    Of postgresql://noc:pass/word@db it makes host noc, port pass and database word@db.
    """
    ports = str(given.get("port") or "").split(",")
    if any(port and not port.isdecimal() for port in ports):
        return True
    _, is_url, rest = dsn.partition("://")
    authority, _, path = rest.partition("?")[0].partition("/")
    torn = "@" in path or authority.count("@") > 1 or "@" in str(given.get("host") or "")
    return bool(is_url) and torn


def _secret_keywords() -> set[str]:
    """Those that libpq itself shows as stars or hides, its passwords and keys."""
    keywords = (
        option.keyword.decode()
        for option in psycopg.pq.Conninfo.get_defaults()
        if option.dispchar == b"*" or re.search(rb"password|secret|_key$", option.keyword)
    )
    return set(keywords)
