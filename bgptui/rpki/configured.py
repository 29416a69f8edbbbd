"""The validator that the settings describe."""

from collections.abc import Callable
from pathlib import Path

from bgptui.config.schema import Rpki
from bgptui.errors import BadInput, UsageError
from bgptui.rpki.rtr_client import RtrSource, is_rtr
from bgptui.rpki.slurm import Slurm, combined, read_slurm
from bgptui.rpki.source import Ageing, Source
from bgptui.rpki.union import Union
from bgptui.rpki.validator import Validator
from bgptui.rpki.vrp_source import JsonSource
from bgptui.runtime.metrics import Metrics


def configured_validator(
    rpki: Rpki, *, ageing: Ageing, metrics: Metrics, expired_at: float | None = None
) -> Validator:
    """Every source that the settings name, nothing loaded yet.

    Args:
        ageing: NEVER takes the file or URL `rpki.vrps` alone, as it stands; an RTR cache cannot
            be taken so, and is left out.
        expired_at: with NEVER, leave out what had expired at that time.
    Raises:
        UsageError: a location can never be read, or a SLURM file cannot be used.
    """
    locations = [rpki.vrps] if rpki.vrps else []
    if ageing is Ageing.BY_CLOCK:
        locations += rpki.sources
    else:
        locations = [location for location in locations if not is_rtr(location)]
        for location in locations:
            if "://" not in location and not Path(location).is_file():
                raise UsageError(f"{location}: there is no such file of VRPs (--vrps, rpki.vrps)")
    for location in locations:
        if locations.count(location) > 1:
            raise UsageError(f"{location}: stands twice in rpki.vrps and rpki.sources")

    def made(location: str) -> Callable[[Union], Source]:
        if is_rtr(location):
            return lambda union: RtrSource(
                location, union, timeout_s=rpki.fetch_timeout_s, ca_file=rpki.rtr_ca_file
            )
        return lambda union: JsonSource(
            location,
            union,
            ageing=ageing,
            metrics=metrics,
            refresh_s=rpki.refresh_s,
            stale_after_s=rpki.stale_after_s,
            timeout_s=rpki.fetch_timeout_s,
            expired_at=expired_at,
        )

    return Validator([made(location) for location in locations], slurm=_slurm(rpki.slurm))


def _slurm(names: tuple[str, ...]) -> Slurm:
    files = []
    try:
        for name in names:
            files.append((name, read_slurm(Path(name).read_bytes(), name=name)))
        return combined(files)
    except OSError as error:
        raise UsageError(f"{name}: cannot be read: {error.strerror} (rpki.slurm)") from None
    except BadInput as error:
        raise UsageError(f"{error} (rpki.slurm)") from None
