"""The health of several processes that share the collectors, as that of one."""

from collections import Counter
from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from bgptui.domain.health import (
    QUIET_PEERS_NAMED,
    STALE_AFTER_S,
    Health,
    ProcessHealth,
    StageHealth,
    StageState,
)

_STAGES = (StageState.OK, StageState.SLOW, StageState.WAIT, StageState.FAIL)
_FEEDS = ("standby", "ended", "live", "connecting", "gap")  # what outweighs what


class ProcessRow(Struct, frozen=True):
    """One process: what it says of itself, how old that is, and what it holds."""

    holder: str
    age_s: float
    health: Health
    hosts: tuple[str, ...] = ()
    correlates: bool = False

    @property
    def is_stale(self) -> bool:
        return self.age_s > STALE_AFTER_S


def shared_health(rows: Sequence[ProcessRow]) -> Health:
    """Sums of what all count, the worst of what may be bad; what is stale is told apart.

    Args:
        rows: at least one.
    """
    fresh = [row for row in rows if not row.is_stale] or list(rows)
    healths = [row.health for row in fresh]
    first = next((row.health for row in fresh if row.correlates), healths[0])
    return replace(
        first,
        now=max(health.now for health in healths),
        feed=max((health.feed for health in healths), key=lambda feed: _feed_rank(feed.state)),
        rpki=replace(
            first.rpki,
            valid=_sum(healths, lambda health: health.rpki.valid),
            invalid=_sum(healths, lambda health: health.rpki.invalid),
            not_found=_sum(healths, lambda health: health.rpki.not_found),
            unavailable=_sum(healths, lambda health: health.rpki.unavailable),
        ),
        stages=_worst_stages(healths),
        collectors=tuple(sorted({host for row in rows for host in row.hosts})),
        freshness=tuple(
            sorted(
                (each for health in healths for each in health.freshness),
                key=lambda each: each.name,
            )
        ),
        quiet_peers=tuple(
            sorted(
                (each for health in healths for each in health.quiet_peers),
                key=lambda each: each.last_message,
            )[:QUIET_PEERS_NAMED]
        ),
        peers=_sum(healths, lambda health: health.peers),
        messages=_sum(healths, lambda health: health.messages),
        rate_per_s=sum(health.rate_per_s for health in healths),
        lag_s=max(health.lag_s for health in healths),
        dropped=dict(
            sorted(sum((Counter(health.dropped) for health in healths), Counter()).items())
        ),
        learning=min(health.learning for health in healths),
        open_alerts=max(health.open_alerts for health in healths),
        watch=next((health.watch for health in healths if health.watch.error), first.watch),
        spool_bytes=_sum(healths, lambda health: health.spool_bytes),
        spool_max_bytes=_sum(healths, lambda health: health.spool_max_bytes),
        processes=tuple(
            ProcessHealth(
                row.holder,
                row.age_s,
                row.hosts,
                row.correlates,
                feed_state=row.health.feed.state,
                rate_per_s=row.health.rate_per_s,
            )
            for row in rows
        ),
    )


def _sum(healths: Sequence[Health], of: Callable[[Health], int]) -> int:
    return sum(of(health) for health in healths)


def _feed_rank(state: str) -> int:
    return _FEEDS.index(state) if state in _FEEDS else len(_FEEDS)


def _worst_stages(healths: Sequence[Health]) -> tuple[StageHealth, ...]:
    """Each stage as that of the process where it does worst."""
    worst: dict[str, StageHealth] = {}
    for stage in (stage for health in healths for stage in health.stages):
        known = worst.get(stage.name)
        if known is None or _STAGES.index(stage.state) > _STAGES.index(known.state):
            worst[stage.name] = stage
    return tuple(worst.values())
