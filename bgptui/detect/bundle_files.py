"""Writes a model's folder so that nobody ever sees half of it."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec
import tomlkit

from bgptui.detect.model_bundle import MANIFEST, Manifest
from bgptui.errors import Fatal


def write_bundle(folder: Path, manifest: Manifest, graphs: Mapping[str, bytes]) -> None:
    """Write a model, in the place of one that is there.

    The new folder is complete before it takes the name; the old one goes only then. A crash
    between the two renames leaves the old one beside it as NAME.old.

    Raises:
        Fatal: the folder cannot be written.
    """
    new, old = folder.with_name(f".{folder.name}.new"), folder.with_name(f"{folder.name}.old")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        for name, content in {**graphs, MANIFEST: _toml(manifest)}.items():
            _write_through(new / name, content)
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise Fatal(f"{folder}: cannot be written: {error.strerror or error}") from None


def _toml(manifest: Manifest) -> bytes:
    return tomlkit.dumps(msgspec.to_builtins(manifest)).encode()


def _write_through(file: Path, content: bytes) -> None:
    with file.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
