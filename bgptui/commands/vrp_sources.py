"""The VRPs of a command that needs them: as configured, or as --vrps and --rtr say."""

import argparse
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from msgspec.structs import replace

from bgptui.commands.settings import load_settings, start_log, vrp_ageing
from bgptui.config.schema import Rpki
from bgptui.errors import ServiceUnreachable, UsageError
from bgptui.rpki.configured import configured_validator
from bgptui.rpki.rtr_client import is_rtr
from bgptui.rpki.source import Ageing, SourceState
from bgptui.rpki.validator import Validator
from bgptui.runtime.metrics import Metrics

# States of sources that have nothing, so far or at all.
NOTHING = ("loading", "error")

_LOOK_EVERY_S = 0.05
_GRACE_S = 1.0  # in which a source says itself why it has nothing


@contextmanager
def loaded_vrps(args: argparse.Namespace, *, must_be_there: bool = True) -> Iterator[Validator]:
    """The validator, once each source has said what it has, or that it has nothing.

    Raises:
        UsageError: there is no source, or one cannot be meant so.
        ServiceUnreachable: none of them can be had, and one must.
    """
    rpki, ageing = _sources(args), ageing_of(args)
    vrps = configured_validator(rpki, ageing=ageing, metrics=Metrics(), expired_at=_expiry(args))
    if not vrps.statuses():
        raise UsageError("there is no source of VRPs: name one (--vrps, --rtr, rpki.vrps)")
    try:
        give_up = time.monotonic() + rpki.fetch_timeout_s + _GRACE_S
        vrps.refresh(time.time())
        while _is_loading(vrps) and time.monotonic() < give_up:
            time.sleep(_LOOK_EVERY_S)
            vrps.refresh(time.time())
        health = vrps.health()
        if must_be_there and health.state in NOTHING:
            why = health.error or f"{health.source}: nothing came in {rpki.fetch_timeout_s:g} s"
            raise ServiceUnreachable(f"VRPs: {why}")
        yield vrps
    finally:
        vrps.stop()


@contextmanager
def fresh_vrps(args: argparse.Namespace) -> Iterator[Validator]:
    """The same, with VRPs that are good for a verdict.

    Raises:
        UsageError, ServiceUnreachable: as loaded_vrps', or they are stale.
    """
    with loaded_vrps(args) as vrps:
        health = vrps.health()
        if health.state == "stale":
            raise ServiceUnreachable(f"VRPs: {health.source}: too old for a verdict")
        yield vrps


def _is_loading(vrps: Validator) -> bool:
    return any(source.state is SourceState.LOADING for source in vrps.statuses())


def _sources(args: argparse.Namespace) -> Rpki:
    config = load_settings(args).config
    start_log(args, config.runtime.log_format)
    if not args.debug:
        # What goes wrong with a cache is the answer here, and not to be said twice.
        logging.getLogger("bgptui.rpki.rtr_client").setLevel(logging.ERROR)
    rpki = config.rpki
    if args.rtr is not None and args.vrps is not None:
        raise UsageError("--rtr and --vrps: name one of them")
    if args.rtr is not None:
        location = args.rtr if "://" in args.rtr else f"rtr://{args.rtr}"
        if not is_rtr(location):
            raise UsageError(
                f"--rtr {args.rtr}: takes HOST:PORT, rtr:// or rtrs://; JSON by --vrps"
            )
        return replace(rpki, vrps=location, sources=())
    return replace(rpki, sources=()) if args.vrps is not None else rpki


def ageing_of(args: argparse.Namespace) -> Ageing:
    """A file named on the command line is taken as it stands; everything else by the clock."""
    return Ageing.BY_CLOCK if args.rtr is not None else vrp_ageing(args)


def _expiry(args: argparse.Namespace) -> float | None:
    if args.vrps_now is None:
        return None
    if ageing_of(args) is not Ageing.NEVER:
        raise UsageError("--vrps-now goes with --vrps FILE: other sources use the clock")
    try:
        return float(args.vrps_now)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(args.vrps_now)
    except ValueError:
        raise UsageError(
            f"--vrps-now {args.vrps_now}: write 2025-07-20T09:31:33Z or seconds since 1970"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
