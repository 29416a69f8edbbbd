"""A collector under load whose database goes away: what is sent, and what must be there after."""

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

from bgptui.sources.playback import Pacing, Times
from bgptui.sources.ris_server import RisServer, TimedFrame
from support.awaiting import rows
from support.mortal_server import MortalServer, wait_until
from support.program import Program

RATE_PER_S = 2_000.0
PEERS = 20
# Every so many messages a more-specific of the watched prefix comes from somebody else.
HIJACK_EVERY = 500

_WATCHLIST = '[[prefix]]\nprefix = "100.0.0.0/8"\norigins = [64500]\n'
_FRAME = (
    b'{"type":"ris_message","data":{"timestamp":%d.25,"peer":"192.0.2.%d","peer_asn":"%d",'
    b'"id":"%d","host":"rrc00","type":"UPDATE","path":[%d,64501,%d],'
    b'"announcements":[{"next_hop":"192.0.2.254","prefixes":["%d.%d.%d.0/24"]}],"withdrawals":[]}}'
)
_BEGIN = 1_767_780_000


def frames(count: int) -> Iterator[TimedFrame]:
    """Announcements of one peer after the other, with a hijack now and then."""
    for number in range(count):
        peer = number % PEERS
        hijack = number % HIJACK_EVERY == HIJACK_EVERY - 1
        case = number // HIJACK_EVERY
        first, second, third = (100, case >> 8, case & 255) if hijack else (
            20 + (number >> 16) % 60, number >> 8 & 255, number & 255,
        )  # fmt: skip
        asn = 64600 + peer
        origin = 64666 if hijack else 64502
        yield (
            float(_BEGIN),
            _FRAME
            % (_BEGIN, peer + 1, asn, number, asn, origin, first, second, third),
        )  # fmt: skip


class Outcome(Struct, frozen=True):
    """What was measured.

    Attributes:
        spooled_bytes: in the spool when the server came back.
        caught_up_s: from the server's start until all that was sent by then was in it.
        said: the program's log.
    """

    away_s: float
    spooled_bytes: int
    caught_up_s: float
    said: str

    def __str__(self) -> str:
        return (
            f"away {self.away_s:.1f} s, spooled {self.spooled_bytes / 2**20:.1f} MiB, "
            f"caught up in {self.caught_up_s:.1f} s"
        )


class Outage:
    """`bgptui --no-ui` on a feed of `count` messages, 2,000 a second.

    Args:
        settings: of the program, e.g. `store.spool_max_mib=1`.
    """

    def __init__(
        self, program: Program, server: MortalServer, *, count: int, settings: Sequence[str] = ()
    ) -> None:
        self.dsn = server.new_database()
        self.count = count
        self.server = server
        self.spools = program.home / "spools"
        self.feed = RisServer(
            lambda: frames(count), pacing=Pacing(rate_per_s=RATE_PER_S, times=Times.NOW)
        )
        self._program = program
        self._watch = program.home / "watch.toml"
        self._watch.write_text(_WATCHLIST)
        self._settings = (
            "watch.min_peers=1",
            "runtime.log_interval_s=1",
            f"store.spool_dir={self.spools}",
            *settings,
        )

    @contextmanager
    def collecting(self) -> Iterator[subprocess.Popen[str]]:
        """The program, on the feed's address."""
        flags = [flag for setting in self._settings for flag in ("--set", setting)]
        with self._program.running(
            "--no-ui",
            "--url",
            self.feed.url,
            "--dsn",
            self.dsn,
            "--watch",
            str(self._watch),
            *flags,
        ) as process:
            yield process

    def run(self, *, first: int, during: int) -> Outcome:
        """The server is killed after `first` messages and started again `during` later."""
        self.feed.start()
        try:
            with self.collecting() as process:
                wait_until(lambda: self.stored >= first)
                began = self.away(during)
                spooled = self.spooled_bytes
                back = time.monotonic()
                self.server.start()
                sent = self.feed.played // HIJACK_EVERY
                wait_until(lambda: self.opened >= sent, timeout_s=600.0)
                caught_up_s = time.monotonic() - back
                wait_until(lambda: self.opened >= self.count // HIJACK_EVERY)
                said = self._program.terminate(process)
        finally:
            self.feed.stop()
        return Outcome(back - began, spooled, caught_up_s, said)

    def away(self, during: int) -> float:
        """Kill the server and let so many messages come; since when (monotonic clock)."""
        self.server.kill()
        began, played = time.monotonic(), self.feed.played
        patience_s = 2 * during / RATE_PER_S + 30
        wait_until(lambda: self.feed.played >= played + during, timeout_s=patience_s)
        return began

    @property
    def spooled_bytes(self) -> int:
        return sum(file.stat().st_size for file in self.spools.rglob("*.segment"))

    @property
    def stored(self) -> int:
        """Messages in the database; 0 before it has tables."""
        if self.value("select to_regclass('bgptui.positions')") is None:
            return 0
        return int(self.value("select count(*) from raw_bgp_data"))

    @property
    def opened(self) -> int:
        """Alerts of the feed's hijacks."""
        return int(self.value("select count(*) from alerts where alert_type = 'hijack'"))

    def value(self, query: str) -> Any:
        (row,) = self.rows(query)
        return row[0]

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return rows(self.dsn, query)

    def wrong(self) -> dict[str, list[tuple[Any, ...]]]:
        """What is missing, twice or out of order in the database, with examples."""
        return {what: found[:3] for what, query in _WRONG.items() if (found := self.rows(query))}


# Each must be without rows.
_WRONG = {
    "messages out of order": """
        select * from (select id, timestamp, lag(timestamp) over (order by id) as before
                       from raw_bgp_data) r where timestamp < before""",
    "messages twice": """
        select prefix, peer_addr from raw_bgp_data group by 1, 2 having count(*) > 1""",
    "windows twice": """
        select timestamp, peer_addr from features group by 1, 2 having count(*) > 1""",
    "windows that count other messages than there are": """
        select * from (select timestamp, sum(messages) as n from features
                       where collector is not null group by 1) f
        full join (select window_start, count(*) as n from raw_bgp_data where not late group by 1) r
          on f.timestamp = r.window_start where f.n is distinct from r.n""",
    "ids of windows that are missing": """
        select from features having count(*) <> max(id) or count(distinct id) <> count(*)""",
    "ids of scores that are missing": """
        select from ml_results having count(*) <> max(id) or count(distinct id) <> count(*)""",
    "scores without their window": """
        select from ml_results m left join features f
          on f.id = m.feature_id and f.timestamp = m.feature_timestamp where f.id is null""",
    "events out of order": """
        select * from (select id, timestamp, lag(timestamp) over (order by id) as before
                       from route_monitor_events) e where timestamp < before""",
    "ids of events that are missing": """
        select from route_monitor_events
        having count(*) <> max(id) or count(distinct id) <> count(*)""",
    "ids of alerts that are missing": """
        select from alerts
        having count(*) <> max(alert_id) or count(distinct alert_id) <> count(*)""",
    "alerts without their event": """
        select from alerts a left join route_monitor_events e
          on e.id = a.route_monitor_event_id and e.timestamp = a.route_monitor_event_timestamp
        where a.alert_type = 'hijack' and e.id is null""",
    "alerts opened twice": """
        select alert_id from notification_outbox where event = 'open'
        group by 1 having count(*) <> 1""",
}
