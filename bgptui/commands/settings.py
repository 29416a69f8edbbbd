"""From the command line to the configuration in force."""

import argparse
import logging
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from bgptui.config.load import Loaded, load
from bgptui.config.schema import LogFormat
from bgptui.errors import UsageError
from bgptui.rpki.source import Ageing

# Flag of the command line to setting.
_FLAGS = {
    "dsn": "store.dsn",
    "url": "feed.url",
    "clock": "feed.clock",
    "vrps": "rpki.vrps",
    "watch": "watch.file",
    "log_format": "runtime.log_format",
}


def load_settings(
    args: argparse.Namespace,
    *,
    overrides: Mapping[str, Any] | None = None,
    defaults_only: Path | None = None,
) -> Loaded:
    """The configuration of this command.

    Args:
        overrides: what the command itself decides; goes before everything.
        defaults_only: a settings file to read instead of the user's; the environment's
            settings are left out then, too.
    """
    environ: Mapping[str, str] = os.environ
    config_file = args.config
    if defaults_only is not None and config_file is None:
        config_file = defaults_only
        environ = {name: value for name, value in environ.items() if name in ("HOME",)}
    return load(
        {**_given(args), **(overrides or {})},
        environ,
        cwd=Path.cwd(),
        config_file=config_file,
    )


def _given(args: argparse.Namespace) -> dict[str, Any]:
    given = {
        setting: value
        for flag, setting in _FLAGS.items()
        if (value := getattr(args, flag, None)) is not None
    }
    for text in args.set or ():
        name, separator, value = text.partition("=")
        if not separator:
            raise UsageError(f"--set {text}: write SECTION.KEY=VALUE")
        given[name.strip()] = value
    return given


def start_log(args: argparse.Namespace, form: LogFormat = LogFormat.TEXT) -> None:
    """Log to stderr, a line an event; with --debug everything."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if form is LogFormat.JSON else _TextLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("bgptui").setLevel(logging.DEBUG if args.debug else logging.INFO)
    logging.getLogger("websockets").setLevel(logging.WARNING)


class _TextLines(logging.Formatter):
    """`2026-01-07T10:00:00Z WARNING ingest: text`; one line, whatever the text holds."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        return " ".join(super().formatMessage(record).split("\n"))


class _JsonLines(logging.Formatter):
    """One JSON object a line: time, level, message, and the fields given as `extra`."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%SZ"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def vrp_ageing(args: argparse.Namespace) -> Ageing:
    """A file named by --vrps is taken as it stands; configured sources and URLs go by the clock."""
    named = args.vrps
    return Ageing.NEVER if named is not None and "://" not in named else Ageing.BY_CLOCK
