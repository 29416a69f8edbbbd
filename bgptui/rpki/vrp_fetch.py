"""Reads a VRP file from disk or over http(s), but only when it has changed."""

import os
import time
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPRedirectHandler,
    Request,
    build_opener,
    url2pathname,
)

from msgspec import Struct

from bgptui import __version__
from bgptui.errors import BadInput, Transient, UsageError

_CHUNK_BYTES = 2**18


class Version(Struct, frozen=True):
    """What tells one version of a source from the next."""

    etag: str = ""
    last_modified: str = ""
    file: tuple[int, int, int] | None = None  # modification time (ns), size, inode


class Fetched(Struct, frozen=True):
    """A source as read; `modified` is when it last changed, seconds since 1970 UTC, if known."""

    content: bytes
    version: Version
    modified: float | None


def check_location(location: str) -> None:
    """Refuse what could never be read.

    Raises:
        UsageError: neither a path nor a URL that is understood.
    """
    parts = urlsplit(location)
    if "://" not in location or parts.scheme == "file":
        return
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{location}: VRPs come from a file, an http(s) URL or an rtr(s):// cache")
    if parts.username is not None:
        raise UsageError(
            f"{parts.scheme}://{parts.hostname}{parts.path}: a name and password in the URL of"
            " the VRPs would show in alerts; serve them without, or from a file"
        )


def fetch(
    location: str, *, known: Version | None, timeout_s: float, max_bytes: int
) -> Fetched | None:
    """The source's content; None where it still has the version `known`.

    Args:
        timeout_s: for the whole of it.
    Raises:
        Transient: it cannot be had now; says what was tried.
        BadInput: `too_large`.
    """
    path = path_of(location)
    if path is None:
        return _fetch_url(location, known=known, timeout_s=timeout_s, max_bytes=max_bytes)
    return _read_file(path, known, max_bytes)


def path_of(location: str) -> Path | None:
    """The file that is named; None where it is a URL to be fetched."""
    if urlsplit(location).scheme in ("http", "https"):
        return None
    is_url = location.startswith("file://")
    return Path(url2pathname(urlsplit(location).path) if is_url else location)


def _read_file(path: Path, known: Version | None, max_bytes: int) -> Fetched | None:
    try:
        with path.open("rb") as file:
            # The status of what was opened: the name may point to a new file already.
            status = os.fstat(file.fileno())
            version = Version(file=(status.st_mtime_ns, status.st_size, status.st_ino))
            if version == known:
                return None
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise Transient(f"{path}: cannot be read: {error.strerror or error}") from None
    if len(content) > max_bytes:
        raise BadInput(f"{path}: more than {max_bytes} bytes", reason="too_large")
    return Fetched(content, version, status.st_mtime)


class _NoDowngrade(HTTPRedirectHandler):
    """Follows redirects, but never from https to http: nobody would vouch for the content."""

    def redirect_request(  # noqa: PLR0917 (urllib's signature)
        self,
        req: Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> Request | None:
        if req.type == "https" and urlsplit(newurl).scheme != "https":
            raise URLError(f"it redirects to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _fetch_url(
    url: str, *, known: Version | None, timeout_s: float, max_bytes: int
) -> Fetched | None:
    headers = {"User-Agent": f"bgptui/{__version__}", "Accept-Encoding": "gzip"}
    if known is not None and known.etag:
        headers["If-None-Match"] = known.etag
    if known is not None and known.last_modified:
        headers["If-Modified-Since"] = known.last_modified
    give_up = time.monotonic() + timeout_s
    try:
        request = Request(url, headers=headers)  # noqa: S310 (check_location saw the scheme)
        with build_opener(_NoDowngrade).open(request, timeout=timeout_s) as response:
            content = _read_body(response, url, give_up=give_up, max_bytes=max_bytes)
            etag = response.headers.get("ETag", "")
            last_modified = response.headers.get("Last-Modified", "")
    except HTTPError as error:
        with error:
            if error.code == 304:
                return None
            raise Transient(f"{url} answered {error.code} {error.reason}") from None
    except URLError as error:
        raise Transient(f"{url} cannot be reached: {error.reason}") from None
    except (OSError, HTTPException) as error:
        raise Transient(f"{url} broke off: {error or type(error).__name__}") from None
    return Fetched(content, Version(etag, last_modified), _http_time(last_modified))


def _read_body(response: HTTPResponse, url: str, *, give_up: float, max_bytes: int) -> bytes:
    content = bytearray()
    while chunk := response.read1(_CHUNK_BYTES):
        content += chunk
        if len(content) > max_bytes:
            raise BadInput(f"{url}: more than {max_bytes} bytes", reason="too_large")
        if time.monotonic() > give_up:
            raise Transient(f"{url} is too slow: {len(content)} bytes within the time-out")
    announced = response.headers.get("Content-Length")
    # http.client does not say so itself when it reads in pieces.
    if announced is not None and announced.isdigit() and len(content) < int(announced):
        raise Transient(f"{url} broke off after {len(content)} of {announced} bytes")
    return bytes(content)


def _http_time(text: str) -> float | None:
    """A date of HTTP as seconds since 1970 UTC; None where there is none to be read."""
    try:
        return parsedate_to_datetime(text).timestamp() if text else None
    except ValueError:
        return None
