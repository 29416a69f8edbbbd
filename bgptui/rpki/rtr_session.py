"""The router's side of RTR without a socket: what to ask a cache, and what its answers amount to.

The life of a session: negotiating (the first answer decides the version; Notify is ignored),
full or delta synchronisation, established. What comes counts at End of Data, and only once the
owner has taken it (`commit`); an owner that does not believe it asks again (`hold`).
"""

from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

from bgptui.domain.rpki import Payload
from bgptui.rpki.aspa_table import Providers
from bgptui.rpki.rtr_protocol import (
    VERSIONS,
    Aspa,
    CacheReset,
    CacheResponse,
    Decoder,
    EndOfData,
    ErrorCode,
    ErrorReport,
    LegacyAspa,
    Pdu,
    PrefixPdu,
    ProtocolError,
    ResetQuery,
    RouterKey,
    SerialNotify,
    SerialQuery,
    encode,
)
from bgptui.rpki.vrp_set import Delta, Entry, VrpSet, VrpSetBuilder

# Least, most, and what holds where the cache says nothing (RFC 8210 section 6).
REFRESH_S = (1, 86_400, 3_600)
RETRY_S = (1, 7_200, 600)
EXPIRE_S = (600, 172_800, 7_200)

_NEGOTIATIONS = (ErrorCode.UNSUPPORTED_VERSION, ErrorCode.UNEXPECTED_VERSION)


class State(StrEnum):
    """Where a session stands."""

    CONNECTING = "connecting"
    NEGOTIATING = "negotiating"
    FULL_SYNC = "full_sync"
    DELTA_SYNC = "delta_sync"
    ESTABLISHED = "established"


class Update(Struct, frozen=True):
    """What one answer amounts to.

    Attributes:
        vrps, aspas: everything there is now, after a full synchronisation; else None.
        delta, aspa_changes: what changed; a customer's None stands for gone.
        size: VRPs that there are with it.
    """

    size: int
    vrps: VrpSet | None = None
    aspas: dict[int, Providers] | None = None
    delta: Delta = Delta()
    aspa_changes: dict[int, Providers | None] = {}


class Step(Struct, frozen=True):
    """What is to be done now.

    Attributes:
        send: bytes for the cache.
        update: to be taken with `commit`, or refused with `hold`.
        hang_up: why the connection is to be closed; empty to go on.
    """

    send: bytes = b""
    update: Update | None = None
    hang_up: str = ""


class _Answer(Struct):
    """What has come since a Cache Response."""

    session: int
    full: bool
    vrps: VrpSetBuilder
    present: dict[Entry, bool]
    aspas: dict[int, Providers | None]


class RtrSession:
    """One cache over all its connections. Times are seconds since 1970 UTC.

    Attributes:
        version: of this connection; the best that is known to be spoken, until the cache answers.
        next_version: with which the next connection begins; lower than `version` where that was
            refused, so that it should be tried at once.
        session, session_version, serial: what a Serial Query refers to.
        committed_at: when the cache last said that this is all; it outlasts what it said.
    """

    def __init__(self) -> None:
        self.state = State.CONNECTING
        self.version = VERSIONS[0]
        self.next_version = VERSIONS[0]
        self.session: int | None = None
        self.session_version = VERSIONS[0]
        self.serial = 0
        self.vrps: VrpSet | None = None
        self.aspas: dict[int, Providers] = {}
        self.committed_at: float | None = None
        self.refresh_s, self.retry_s, self.expire_s = REFRESH_S[2], RETRY_S[2], EXPIRE_S[2]
        self._decoder = Decoder()
        self._answer: _Answer | None = None
        self._ended: EndOfData | None = None
        self._asked_serial = False
        self._reset_next = True
        self._notified: SerialNotify | None = None
        self._best_version = VERSIONS[0]

    def connected(self) -> bytes:
        """A connection is open: the query to begin with, in the best version, unless that was
        refused just now (RFC 8210 section 7)."""
        self.version, self.next_version = self.next_version, self._best_version
        self._decoder = Decoder()
        self._answer, self._ended, self._notified = None, None, None
        query = self.query()
        self.state = State.NEGOTIATING
        return query

    def query(self) -> bytes:
        """Ask for what is new, or for everything where that cannot be told."""
        # Sessions of two versions are two sessions, whatever they are numbered: section 5.1.
        is_known = not self._reset_next and self.version == self.session_version
        self._asked_serial = is_known and self.session is not None
        if self._asked_serial and self.session is not None:
            self.state = State.DELTA_SYNC
            return encode(self.version, SerialQuery(self.session, self.serial))
        self.state = State.FULL_SYNC
        return encode(self.version, ResetQuery())

    def disconnected(self) -> None:
        """The connection is gone. A cache that hangs up on a Serial Query is asked for everything
        next time: it may not know what to say to a serial of its former life."""
        if self.state is not State.ESTABLISHED and self._asked_serial:
            self._reset_next = True
        self.state = State.CONNECTING

    def receive(self, received: bytes) -> Iterator[Step]:
        """What the cache's bytes call for. Each step is to be done, and its update committed or
        held, before the next is asked for."""
        try:
            for version, pdu in self._decoder.feed(received):
                step = self._take(version, pdu)
                if step is not None:
                    yield step
                    if step.hang_up:
                        return
        except LegacyAspa as error:
            self._best_version = self.next_version = VERSIONS[1]
            yield self._refuse(error)
        except ProtocolError as error:
            yield self._refuse(error)

    def commit(self, vrps: VrpSet, now: float) -> Step:
        """The update was taken; `vrps` is the set that holds it. Asks again where the cache has
        announced more since."""
        answer, end = self._answer, self._ended
        if answer is None or end is None:
            raise ValueError("there is no update to commit")
        self.vrps = vrps
        if answer.full:
            self.aspas = {}
        for customer, providers in answer.aspas.items():
            if providers is None:
                self.aspas.pop(customer, None)
            else:
                self.aspas[customer] = providers
        self.session, self.serial, self.committed_at = answer.session, end.serial, now
        self.session_version, self._reset_next = self.version, False
        if end.refresh_s is not None and end.retry_s is not None and end.expire_s is not None:
            self.refresh_s = _clamped(end.refresh_s, REFRESH_S)
            self.retry_s = _clamped(end.retry_s, RETRY_S)
            # Section 6: larger than either, or data would expire between two looks.
            self.expire_s = max(
                _clamped(end.expire_s, EXPIRE_S), self.refresh_s + 1, self.retry_s + 1
            )
        return self._settle()

    def hold(self) -> Step:
        """The update was not believed: the next query, in its time, is for the same again."""
        self._notified = None
        return self._settle()

    def has_expired(self, now: float) -> bool:
        """Whether what was committed is too old to be used, or there is none."""
        if self.vrps is None or self.committed_at is None:
            return True
        return not self.committed_at - self.expire_s <= now <= self.committed_at + self.expire_s

    def expire(self, now: float) -> None:
        """Forget what is too old to be used, so that no delta renews it (section 6)."""
        is_idle = self.state in (State.CONNECTING, State.ESTABLISHED)
        if is_idle and self.vrps is not None and self.has_expired(now):
            self.flush()

    def flush(self) -> None:
        """Forget everything that this cache said."""
        self.vrps, self.aspas = None, {}
        self.session, self._reset_next = None, True

    def _settle(self) -> Step:
        self._answer, self._ended = None, None
        self.state = State.ESTABLISHED
        notified, self._notified = self._notified, None
        if notified is None:
            return Step()
        known = notified.session == self.session and not self._is_news(notified)
        return Step() if known else Step(send=self.query())

    def _take(self, version: int, pdu: Pdu) -> Step | None:
        if isinstance(pdu, ErrorReport):
            return self._told_error(pdu)
        if self.state is State.NEGOTIATING:
            if isinstance(pdu, SerialNotify):
                return None
            if version > self.version:
                raise _unexpected_version(version, self.version)
            # A cache may answer in a lower version that it speaks (RFC 8210 section 7).
            self.version = version
            self.state = State.DELTA_SYNC if self._asked_serial else State.FULL_SYNC
        elif version != self.version:
            raise _unexpected_version(version, self.version)
        match pdu:
            case PrefixPdu():
                self._take_vrp(pdu)
            case Aspa():
                self._take_aspa(pdu)
            case RouterKey():
                self._answering()
            case SerialNotify():
                return self._notify(pdu)
            case CacheResponse():
                self._begin_answer(pdu)
            case EndOfData():
                return self._end_answer(pdu)
            case CacheReset():
                if self.state is not State.DELTA_SYNC or self._answer is not None:
                    raise ProtocolError(
                        ErrorCode.CORRUPT_DATA, "a Cache Reset that nobody asked for"
                    )
                self._reset_next = True
                return Step(send=self.query())
            case _:
                raise ProtocolError(
                    ErrorCode.INVALID_REQUEST, f"a cache does not send {type(pdu).__name__}"
                )
        return None

    def _notify(self, pdu: SerialNotify) -> Step | None:
        # Not answered at once while an answer is under way: RFC 8210 section 8.2.
        if self.state is not State.ESTABLISHED:
            self._notified = pdu
            return None
        if self.session is not None and pdu.session != self.session:
            raise ProtocolError(ErrorCode.CORRUPT_DATA, "a notice from another session")
        return Step(send=self.query()) if self._is_news(pdu) else None

    def _is_news(self, pdu: SerialNotify) -> bool:
        """Whether a notice is of a serial after ours; RFC 1982 arithmetic modulo 2 ** 32."""
        return self.session is None or 0 < (pdu.serial - self.serial) % 2**32 < 2**31

    def _begin_answer(self, pdu: CacheResponse) -> None:
        if self.state is State.ESTABLISHED or self._answer is not None:
            raise ProtocolError(ErrorCode.CORRUPT_DATA, "a Cache Response that nobody asked for")
        full = self.state is State.FULL_SYNC
        asked = (self.session, self.session_version)
        if not full and (pdu.session, self.version) != asked:
            raise ProtocolError(ErrorCode.CORRUPT_DATA, "an answer from another session")
        self._answer = _Answer(pdu.session, full, VrpSetBuilder(), {}, {})

    def _end_answer(self, pdu: EndOfData) -> Step:
        answer = self._answering()
        if pdu.session != answer.session:
            raise ProtocolError(ErrorCode.CORRUPT_DATA, "an End of Data from another session")
        self._ended = pdu
        if answer.full:
            aspas = {customer: said for customer, said in answer.aspas.items() if said is not None}
            return Step(update=Update(len(answer.vrps), vrps=answer.vrps.built(), aspas=aspas))
        before = self.vrps if self.vrps is not None else VrpSet()
        delta = Delta(
            announced=tuple(e for e, here in answer.present.items() if here and e not in before),
            withdrawn=tuple(e for e, here in answer.present.items() if not here and e in before),
        )
        size = len(before) + len(delta.announced) - len(delta.withdrawn)
        return Step(update=Update(size, delta=delta, aspa_changes=dict(answer.aspas)))

    def _take_vrp(self, pdu: PrefixPdu) -> None:
        answer = self._answering()
        entry = Entry(pdu.width, pdu.network, Payload(pdu.length, pdu.max_length, pdu.asn))
        if answer.full:
            if not pdu.announce:
                raise _unknown_withdrawal(entry)
            if not answer.vrps.insert(entry):
                raise _duplicate(entry)
            return
        here = answer.present.get(entry)
        if here is None:
            here = self.vrps is not None and entry in self.vrps
        if here == pdu.announce:
            raise _duplicate(entry) if here else _unknown_withdrawal(entry)
        answer.present[entry] = pdu.announce

    def _take_aspa(self, pdu: Aspa) -> None:
        answer = self._answering()
        if pdu.announce:
            answer.aspas[pdu.customer] = pdu.providers  # it replaces the customer's record
            return
        known = answer.aspas.get(
            pdu.customer, None if answer.full else self.aspas.get(pdu.customer)
        )
        if known is None:
            raise ProtocolError(
                ErrorCode.UNKNOWN_WITHDRAWAL, f"no ASPA of AS{pdu.customer} is there to withdraw"
            )
        answer.aspas[pdu.customer] = None

    def _answering(self) -> _Answer:
        if self._answer is None:
            raise ProtocolError(ErrorCode.CORRUPT_DATA, "data outside of an answer")
        return self._answer

    def _told_error(self, pdu: ErrorReport) -> Step:
        """The cache reports an error. It is never answered with another one."""
        said = f"error {pdu.code}: {pdu.text}" if pdu.text else f"error {pdu.code}"
        negotiating = self.state is State.NEGOTIATING
        if pdu.code in _NEGOTIATIONS and negotiating and self.version > VERSIONS[-1]:
            # The header of the report does not tell what the cache speaks: stayrtr puts 0.
            self.next_version = self.version - 1
            return Step(hang_up=f"{said}: trying version {self.next_version}")
        if pdu.code == ErrorCode.NO_DATA:
            # Section 8.4: Reset Queries from now on, until it has data again.
            self._reset_next = True
        if pdu.code in ErrorReport.fatal:
            self.flush()
        return Step(hang_up=said)

    def _refuse(self, error: ProtocolError) -> Step:
        if not error.may_be_answered:
            return Step(hang_up=str(error))
        self.flush()
        report = encode(self.version, ErrorReport(error.code, error.pdu, str(error)))
        return Step(send=report, hang_up=str(error))


def _clamped(value: int, bounds: tuple[int, int, int]) -> int:
    least, most, _ = bounds
    return min(max(value, least), most)


def _unexpected_version(got: int, expected: int) -> ProtocolError:
    return ProtocolError(
        ErrorCode.UNEXPECTED_VERSION, f"version {got} in a session of version {expected}"
    )


def _duplicate(entry: Entry) -> ProtocolError:
    return ProtocolError(ErrorCode.DUPLICATE_ANNOUNCEMENT, f"{_shown(entry)} is there already")


def _unknown_withdrawal(entry: Entry) -> ProtocolError:
    return ProtocolError(ErrorCode.UNKNOWN_WITHDRAWAL, f"{_shown(entry)} is not there to withdraw")


def _shown(entry: Entry) -> str:
    vrp = entry.vrp()
    return f"{vrp.prefix} up to /{vrp.max_length} of AS{vrp.asn}"
