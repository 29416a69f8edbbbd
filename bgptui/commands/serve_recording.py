"""`bgptui serve-recording`: a RIS Live-compatible server over recorded input."""

import argparse
import logging
from collections.abc import Iterator

from bgptui.commands import headless
from bgptui.commands.settings import load_settings, start_log
from bgptui.errors import UsageError
from bgptui.pipeline.inputs import recorded_frames
from bgptui.sources.input_file import expand
from bgptui.sources.playback import Pacing, Repeat, Times
from bgptui.sources.ris_server import RisServer, TimedFrame

log = logging.getLogger("bgptui")

LOOK_EVERY_S = 0.2


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    for flag in ("rate", "speed"):
        value = getattr(args, flag)
        if value is not None and not value > 0:
            raise UsageError(f"--{flag} {value:g}: must be above 0")
    names = expand(args.input)
    config = load_settings(args).config
    start_log(args, config.runtime.log_format)

    def frames() -> Iterator[TimedFrame]:
        return recorded_frames(config, names)

    server = RisServer(
        frames,
        host=args.host,
        port=args.port,
        pacing=Pacing(
            rate_per_s=args.rate,
            speed=args.speed,
            repeat=Repeat.FOREVER if args.loop else Repeat.ONCE,
            times=Times.RECORDED if args.keep_time else Times.NOW,
        ),
    )
    with headless.stop_signals() as stop:
        server.start()
        try:
            print(server.url, flush=True)
            log.info("serving %s; playing begins with the first subscription", server.url)
            while not stop.is_set() and not server.wait(LOOK_EVERY_S):
                pass
        finally:
            server.stop()
    log.info("served %d frames", server.played)
    return 0
