"""`db sample-data`: realistic rows in every table, for trying queries out."""

from collections.abc import Callable
from functools import partial
from random import Random
from uuid import UUID

from bgptui.domain.alert import Status
from bgptui.errors import UsageError
from bgptui.runtime.metrics import Metrics
from bgptui.store import lease
from bgptui.store.alerts import update_alert_status
from bgptui.store.connect import Connection
from bgptui.store.queries import query
from bgptui.store.sample_rows import sample_batch
from bgptui.store.start_state import next_ids
from bgptui.store.writer import Writer

OPERATOR = "sample-data"

# What people did with some alerts, by their place in the order of opening.
_ACTS = {
    2: ((Status.ACKNOWLEDGED, "looking into it"),),
    5: ((Status.ACKNOWLEDGED, None), (Status.RESOLVED, "filtered by the upstream")),
    8: ((Status.FALSE_POSITIVE, "announced by ourselves for a test"),),
    11: ((Status.RESOLVED, "the peer's maintenance"),),
}


def write_sample_data(
    connect: Callable[[], Connection], *, now: float, seed: int = 1
) -> dict[str, int]:
    """Add 100 raw_bgp_data, 50 features, 50 ml_results, 20 route_monitor_events, 15 alerts and
    30 system_metrics rows of the ten minutes before `now`.

    The same seed and minute give the same rows; called twice, its alerts are the same ones.

    Returns:
        rows written, by table.
    Raises:
        UsageError: a collector writes to this database; made-up rows must not mix with its own.
    """
    with connect() as conn:
        held = _hold_lease(conn)
        try:
            batch = sample_batch(
                now=now, rng=Random(seed), first=next_ids(conn), ensemble=partial(_ensemble, conn)
            )
            writer = Writer(
                connect=connect,
                check_lease=partial(lease.check, lease=held),
                holder=held.holder,
                metrics=Metrics(),
            )
            try:
                writer.process(batch, now)
                writer.flush()
            finally:
                writer.close()
            for place, acts in _ACTS.items():
                _act(conn, batch.alerts[place].alert.alert_uuid, acts)
        finally:
            lease.release(conn, held)
    return {
        "raw_bgp_data": len(batch.raw),
        "features": len(batch.features),
        "ml_results": len(batch.scores),
        "route_monitor_events": len(batch.events),
        "alerts": len(batch.alerts),
        "system_metrics": len(batch.metrics),
    }


def _hold_lease(conn: Connection) -> lease.Lease:
    """Keep collectors away while we write."""
    holders = conn.execute(query("store/collecting_now")).fetchall()
    held = lease.acquire(conn, lease.COLLECTOR, holder=lease.new_holder())
    if not holders and held is not None:
        return held
    if held is not None:
        lease.release(conn, held)
    who = ", ".join(f"{holder} ({scope})" for scope, holder in holders) or "another process"
    raise UsageError(
        f"{who} collects into this database: stop it first, or name another database with --dsn"
    )


def _ensemble(conn: Connection, lstm: float, isolation_forest: float, heuristic: float) -> float:
    parameters = [lstm, isolation_forest, heuristic]
    row = conn.execute(query("store/ensemble_score"), parameters).fetchone()
    assert row is not None  # noqa: S101 - a select without from has one row
    return float(row[0])


def _act(conn: Connection, uuid: UUID, acts: tuple[tuple[Status, str | None], ...]) -> None:
    """Nothing is done to an alert that an earlier call has acted on."""
    row = conn.execute(query("store/find_alert"), {"alert_uuid": uuid}).fetchone()
    assert row is not None  # noqa: S101 - written just now
    alert_id, _, status = row
    if status == Status.OPEN:
        for new_status, notes in acts:
            update_alert_status(conn, alert_id, new_status, OPERATOR, notes)
