"""The pipeline without a console: waits, and logs a line a minute."""

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from bgptui.domain.health import Health
from bgptui.pipeline.topology import Pipeline

log = logging.getLogger("bgptui")

_LOOK_EVERY_S = 0.2
_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextlib.contextmanager
def stop_signals(*, reload: threading.Event | None = None) -> Iterator[threading.Event]:
    """SIGTERM, SIGINT and SIGHUP set the event that this gives; a second SIGINT interrupts.

    Args:
        reload: set by a SIGHUP that somebody sends, as daemons take it. One that says that the
            terminal has gone stops.
    """
    stop = threading.Event()
    had_terminal = _on_terminal()

    def handle(number: int, _frame: FrameType | None) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        is_sent = number == signal.SIGHUP and not (had_terminal and not _on_terminal())
        if is_sent and reload is not None:
            reload.set()
        else:
            stop.set()

    before = {number: signal.signal(number, handle) for number in _STOPPING}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _on_terminal() -> bool:
    """Whether there is a terminal; one that has hung up is none."""
    return any(os.isatty(number) for number in (0, 1, 2))


def watch(
    pipeline: Pipeline,
    stop: threading.Event,
    *,
    log_interval_s: float,
    reload: threading.Event | None = None,
) -> None:
    """Wait until the input ends, a stage fails or `stop` is set; log how it goes meanwhile.

    Args:
        reload: set where the watchlist is to be read again.
    """
    waited_s = 0.0
    while pipeline.running and not stop.wait(_LOOK_EVERY_S):
        if reload is not None and reload.is_set():
            reload.clear()
            pipeline.reload.ask()
        waited_s += _LOOK_EVERY_S
        if waited_s >= log_interval_s:
            waited_s = 0.0
            log_health(pipeline.health())


def log_health(health: Health) -> None:
    """One line: rates, lag, drops, open alerts, and what is wrong."""
    fields = _fields(health)
    text = " ".join(f"{name}={value}" for name, value in fields.items())
    log.info("%s", text, extra={"fields": fields})


def _fields(health: Health) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "feed": health.feed.state,
        "messages": health.messages,
        "rate_per_s": round(health.rate_per_s, 1),
        "lag_s": round(health.lag_s, 1),
        "peers": health.peers,
        "open_alerts": health.open_alerts,
        "dropped": sum(health.dropped.values()),
    }
    fields.update({f"dropped.{name}": count for name, count in health.dropped.items()})
    if health.feed.attempts > 1:
        fields["attempts"] = health.feed.attempts
    slow = {stage.name: stage.state.value for stage in health.stages if stage.state != "ok"}
    fields.update({f"stage.{name}": state for name, state in slow.items()})
    fields.update(
        {
            f"stage.{stage.name}.why": repr(stage.detail)
            for stage in health.stages
            if stage.detail and stage.detail != health.feed.error  # which follows
        }
    )
    if health.watch.error:
        fields["watchlist"] = repr(health.watch.error)
    if health.drift:
        fields["drift"] = repr("; ".join(health.drift))
    if health.feed.error:
        fields["error"] = repr(health.feed.error)
    if health.feed.hint:
        fields["hint"] = repr(health.feed.hint)
    return fields
