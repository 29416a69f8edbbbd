"""A source of validated payloads behind an RTR cache, over TCP or TLS, in a thread of its own."""

import logging
import socket
import ssl
import threading
import time
from random import Random
from urllib.parse import urlsplit

from msgspec import Struct

from bgptui.errors import UsageError
from bgptui.rpki.aspa_table import Providers
from bgptui.rpki.rtr_session import RtrSession, State, Step, Update
from bgptui.rpki.shrinkage import ShrinkageGuard
from bgptui.rpki.source import SourceState, SourceStatus
from bgptui.rpki.union import Union
from bgptui.rpki.vrp_set import VrpSet
from bgptui.runtime.backoff import next_delay_s
from bgptui.runtime.worker import Failure

log = logging.getLogger(__name__)

_PORTS = {"rtr": 323, "rtrs": 324}  # RFC 8210 section 14
_LOOK_UP_S = 0.25  # between two looks at the clock and at `stop` while nothing comes
_RECEIVE_BYTES = 2**16
_STOP_S = 2.0
MOST_PAUSE_S = 60  # between two connections, where the cache's retry interval is longer


def is_rtr(location: str) -> bool:
    """Whether this names an RTR cache: rtr://host:port, or rtrs:// for TLS."""
    return urlsplit(location).scheme in _PORTS


class Certificates(Struct, frozen=True):
    """Files (PEM) for TLS; each may be empty.

    Attributes:
        ca_file: vouches for the cache; empty for what the system has.
        cert_file, key_file: what we show to the cache (RFC 8210 section 9.2); an empty key_file
            says that the key is in cert_file.
    """

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""


class RtrSource:
    """One cache. Its thread begins with the first `refresh`.

    Args:
        location: rtr://host[:port] or rtrs://host[:port].
        timeout_s: for connecting, and for the cache to go on with an answer.
        tls: certificates for rtrs.
    Raises:
        UsageError: no such address can be, or the certificates cannot be read.
    """

    def __init__(
        self, location: str, union: Union, *, timeout_s: float, tls: Certificates | None = None
    ) -> None:
        self._location = location
        self._union = union
        self._timeout_s = timeout_s
        self._address = _address(location)
        is_tls = urlsplit(location).scheme == "rtrs"
        self._tls = _tls_context(tls or Certificates()) if is_tls else None
        self._session = RtrSession()
        self._guard = ShrinkageGuard()
        self._taken = 0  # VRPs, at last; a cache that starts anew is measured by it, too
        self._error = ""
        self._failure = Failure()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def refresh(self, now: float) -> None:  # noqa: ARG002 (the thread has its own timers)
        """Start, where it has not been; raises what ended the thread."""
        if self._failure.error is not None:
            raise self._failure.error
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="bgptui-rtr", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread; a cache that hangs is waited for only a moment."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_STOP_S)

    def status(self, now: float) -> SourceStatus:
        session = self._session
        as_of = session.committed_at
        error = self._error
        if as_of is not None and not session.has_expired(now):
            state = SourceState.FRESH
        elif self._union.said_by(self._location) is not None:
            state = SourceState.STALE
            error = error or f"nothing from the cache for {session.expire_s} s"
        else:
            state = SourceState.ERROR if error else SourceState.LOADING
        vrps, aspas = self._union.size(self._location)
        is_synced = session.session is not None
        version = session.session_version
        detail = f"RTR v{version}, session {session.session}, serial {session.serial}"
        return SourceStatus(
            self._location,
            state,
            vrps,
            aspas,
            as_of,
            detail if is_synced else "",
            error,
            anchors={"": vrps},
            held=None if self._guard.held is None else {"": self._guard.held},
            session=session.session if is_synced else None,
            serial=session.serial if is_synced else None,
        )

    def _run(self) -> None:
        with self._failure:
            attempt, rng, session = 0, Random(), self._session
            while not self._stop.is_set():
                version, known = session.next_version, session.session
                committed = session.committed_at
                why = self._connect_and_follow()
                if self._stop.is_set() or session.next_version < version:
                    continue  # a lower version is tried at once
                self._error = f"{self._location}: {why}"
                log.warning("VRPs: %s", self._error)
                if session.committed_at != committed:
                    attempt = 1
                elif known is not None and session.session is None:
                    continue  # it did not know our session, so that we have nothing: at once
                else:
                    attempt += 1
                most_s = float(min(session.retry_s, MOST_PAUSE_S))
                self._stop.wait(next_delay_s(attempt, rng, most_s=most_s))

    def _connect_and_follow(self) -> str:
        """One connection from its beginning to its end; why it ended."""
        try:
            with self._connect() as connection:
                return self._follow(connection)
        except TimeoutError:
            return f"no answer within {self._timeout_s:g} s"
        except ssl.SSLCertVerificationError as error:
            return f"its certificate is not to be trusted: {error.verify_message}"
        except ssl.SSLError as error:
            return f"TLS with it fails: {error.reason or error}"
        except OSError as error:
            return str(error.strerror or error)
        finally:
            self._session.disconnected()

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(self._address, timeout=self._timeout_s)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # RFC 8210 section 9
        if self._tls is not None:
            try:
                connection = self._tls.wrap_socket(connection, server_hostname=self._address[0])
            except OSError:
                connection.close()
                raise
        return connection

    def _follow(self, connection: socket.socket) -> str:
        session = self._session
        session.expire(time.time())
        connection.sendall(session.connected())
        heard = time.monotonic()
        asked = heard
        while not self._stop.is_set():
            session.expire(time.time())
            self._stay_in_union()
            connection.settimeout(_LOOK_UP_S)
            try:
                received = connection.recv(_RECEIVE_BYTES)
            except TimeoutError:
                waited_s = time.monotonic() - heard
                if session.state is not State.ESTABLISHED:
                    if waited_s > self._timeout_s:
                        raise
                elif time.monotonic() - asked > self._pause_s():
                    connection.settimeout(self._timeout_s)
                    connection.sendall(session.query())
                    asked = heard = time.monotonic()
                continue
            if not received:
                return "the cache closed the connection"
            heard = time.monotonic()
            connection.settimeout(self._timeout_s)
            for step in session.receive(received):
                if why := self._act(step, connection):
                    return why
                asked = time.monotonic()
        return ""

    def _pause_s(self) -> float:
        """Until the cache is asked again though it notified nothing."""
        return self._session.retry_s if self._guard.holds else self._session.refresh_s

    def _act(self, step: Step, connection: socket.socket) -> str:
        """Do what a step says; why the connection ends, empty where it goes on."""
        if step.send:
            connection.sendall(step.send)
        if step.update is not None:
            after = self._take(step.update)
            if after.send:
                connection.sendall(after.send)
        return step.hang_up

    def _stay_in_union(self) -> None:
        """Who gives up stale sources may have looked at this one just before it was in sync."""
        session, name = self._session, self._location
        if session.vrps is None or session.has_expired(time.time()):
            return
        if self._union.said_by(name) is None:
            self._union.put(name, session.vrps, dict(session.aspas))

    def _take(self, update: Update) -> Step:
        session, union, name = self._session, self._union, self._location
        # As of a file: without a single VRP every hijack would be a route that nobody vouches for.
        complaint = "the cache has no VRPs" if not update.size else ""
        complaint = complaint or self._guard.complaint(self._taken, update.size)
        self._error = f"{name}: {complaint}" if complaint else ""
        if complaint:
            log.warning("VRPs: %s", self._error)
            return session.hold()
        held: VrpSet | None
        if update.vrps is not None:
            held = update.vrps
            union.put(name, held, dict(update.aspas or {}))
        else:
            held = union.change(name, update.delta, update.aspa_changes)
            if held is None and session.vrps is not None:
                # It had been given up as stale: what it says now is all that it says.
                held = session.vrps.changed(update.delta)
                union.put(name, held, _changed(session.aspas, update.aspa_changes))
        if held is None:
            return session.hold()
        self._taken = update.size
        return session.commit(held, time.time())


def _changed(
    aspas: dict[int, Providers], changes: dict[int, Providers | None]
) -> dict[int, Providers]:
    return {customer: said for customer, said in {**aspas, **changes}.items() if said is not None}


def _address(location: str) -> tuple[str, int]:
    try:
        parts = urlsplit(location)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or parts.path not in ("", "/") or parts.username is not None:
        raise UsageError(
            f"{location}: an RTR cache is named as HOST:PORT, rtr://HOST:PORT or, with TLS,"
            " rtrs://HOST:PORT; an IPv6 address in brackets"
        )
    return host, port or _PORTS[parts.scheme]


def _tls_context(files: Certificates) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=files.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(
            f"{files.ca_file}: cannot be read as certificates: {error} (rpki.rtr_ca_file)"
        ) from None
    # RFC 8210 section 9.2: a cache is known by its subjectAltName only.
    context.hostname_checks_common_name = False
    if files.cert_file:
        try:
            # No password: a prompt would stop a service.
            context.load_cert_chain(files.cert_file, files.key_file or None, password=lambda: "")
        except (OSError, ssl.SSLError) as error:
            raise UsageError(
                f"{files.cert_file}: cannot be read as our certificate and key: {error}"
                " (rpki.rtr_cert_file, rpki.rtr_key_file)"
            ) from None
    return context
