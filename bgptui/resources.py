"""Finds sql/ and models/ alike in a checkout and in an installed wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource_dir(name: str) -> Path:
    """Directory `sql` or `models`.

    In a wheel they travel inside the package; in a checkout they stand beside it.

    Raises:
        FileNotFoundError: neither place has it (a broken installation).
    """
    for candidate in (_PACKAGE / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"bgptui's {name}/ directory is missing beside {_PACKAGE}")
