"""The validator that the settings describe."""

import logging
from collections.abc import Callable
from pathlib import Path

from bgptui.config.schema import Rpki
from bgptui.errors import BadInput, UsageError
from bgptui.rpki.rtr_client import Certificates, RtrSource, is_rtr
from bgptui.rpki.slurm import Slurm, combined, read_slurm
from bgptui.rpki.source import Ageing, Source
from bgptui.rpki.union import Union
from bgptui.rpki.validator import Validator
from bgptui.rpki.vrp_source import JsonSource
from bgptui.runtime.metrics import Metrics

log = logging.getLogger(__name__)


def configured_validator(
    rpki: Rpki, *, ageing: Ageing, metrics: Metrics, expired_at: float | None = None
) -> Validator:
    """Every source that the settings name, nothing loaded yet.

    Args:
        ageing: NEVER takes the file or URL `rpki.vrps` alone, as it stands; an RTR cache cannot
            be taken so. What is left out is logged.
        expired_at: with NEVER, leave out what had expired at that time.
    Raises:
        UsageError: a location can never be read, or a SLURM file cannot be used.
    """
    locations = [*([rpki.vrps] if rpki.vrps else []), *rpki.sources]
    if ageing is Ageing.NEVER:
        named, locations = locations, [rpki.vrps] if rpki.vrps and not is_rtr(rpki.vrps) else []
        if left_out := [location for location in named if location not in locations]:
            log.warning(
                "VRPs: this run takes %s as it stands and leaves out %s",
                ", ".join(locations) or "no source",
                ", ".join(left_out),
            )
        for location in locations:
            if "://" not in location and not Path(location).is_file():
                raise UsageError(f"{location}: there is no such file of VRPs (--vrps, rpki.vrps)")
    for location in locations:
        if locations.count(location) > 1:
            raise UsageError(f"{location}: stands twice in rpki.vrps and rpki.sources")

    certificates = Certificates(rpki.rtr_ca_file, rpki.rtr_cert_file, rpki.rtr_key_file)

    def made(location: str) -> Callable[[Union], Source]:
        if is_rtr(location):
            return lambda union: RtrSource(
                location, union, timeout_s=rpki.fetch_timeout_s, tls=certificates
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
