"""One cluster on disk: made by initdb, checked, opened to us alone, and its server started.

As root the server runs as an unprivileged account, which owns the cluster and nothing else. It
need not be able to reach it by its path: it inherits an open descriptor of it and is told the
path /proc/self/fd/N, so that no parent directory (a 0700 /root, say) is opened to others and
the data stay where they were asked for. Without /proc, root must name a directory that
everybody may enter.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bgptui.errors import Fatal, ServiceUnreachable
from bgptui.store.postgres_binaries import (
    Account,
    binaries_for,
    child_environment,
    program_version,
    server_account,
)
from bgptui.store.postmaster import (
    SUPERUSER,
    Durability,
    recorded_pid,
    server_arguments,
    telling_line,
)


def failure(data_dir: Path, *, tried: str, why: str) -> ServiceUnreachable:
    """The error of everything that goes wrong with an embedded server, on one line."""
    return ServiceUnreachable(
        f"embedded PostgreSQL in {data_dir}: {tried} failed: {why or 'no reason given'}"
    )


def start_server(data_dir: Path, durability: Durability) -> subprocess.Popen[bytes]:
    """Start a server on data_dir/data, which is made where it is missing; does not wait.

    Raises:
        ServiceUnreachable: initdb failed.
        Fatal: the cluster is of another major version, or the programs do not run here.
    """
    cluster = data_dir / "data"
    account = server_account(cluster)
    binaries = binaries_for(account)
    version = program_version(binaries, account)
    if cluster.exists():
        _check_version(data_dir, version)
    else:
        _create_cluster(data_dir, binaries, account, durability)
    _write_authentication(cluster, account)
    environment = child_environment()
    # The PID in a left-over postmaster.pid may be in use again by another process. PostgreSQL
    # takes the file for stale if it is the PID of its grandparent (pg_ctl's way), and then
    # makes sure by the shared memory that no server is left. So it, not we, removes the file.
    stale_pid = recorded_pid(cluster)
    if stale_pid is not None:
        environment["PG_GRANDPARENT_PID"] = str(stale_pid)
    with (
        _named_for(account, cluster) as (path, descriptors),
        (data_dir / "start.log").open("wb") as start_log,
    ):
        # In a session of its own: Ctrl+C in the terminal is not for the server.
        return subprocess.Popen(  # noqa: S603
            [binaries / "bin" / "postgres", "-D", path, *server_arguments(durability)],
            stdin=subprocess.DEVNULL,
            stdout=start_log,
            stderr=start_log,
            cwd="/",
            env=environment,
            start_new_session=True,
            pass_fds=descriptors,
            **account.child_options(),
        )


def _check_version(data_dir: Path, version: str) -> None:
    major = version.partition(".")[0]
    try:
        made_by = (data_dir / "data" / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        why = f"{data_dir / 'data'} is there and is no cluster"
        raise failure(data_dir, tried="starting it", why=why) from None
    if made_by != major:
        raise Fatal(
            f"embedded PostgreSQL in {data_dir}: the data directory was made by "
            f"PostgreSQL {made_by}, this bgptui has {major}: dump it with {made_by} and "
            "restore it, or set another [store] data_dir"
        )


def _create_cluster(
    data_dir: Path, binaries: Path, account: Account, durability: Durability
) -> None:
    """Run initdb beside the final place, so that a torn cluster is never taken for a whole one."""
    staging = data_dir / "data.new"
    if staging.exists():
        shutil.rmtree(staging)
    staging.mkdir(mode=0o700)
    if account.dropped:
        os.chown(staging, account.uid, account.gid)
    sync = ["--no-sync"] if durability is Durability.THROWAWAY else []
    with _named_for(account, staging) as (path, descriptors):
        made = subprocess.run(  # noqa: S603
            [
                *(str(binaries / "bin" / "initdb"), "-D", path, "-U", SUPERUSER, *sync),
                *("--auth=peer", "--encoding=UTF8", "--no-instructions"),
                *("--locale-provider=builtin", "--locale=C.UTF-8"),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            cwd="/",
            env=child_environment(),
            pass_fds=descriptors,
            **account.child_options(),
        )
    if made.returncode != 0:
        shutil.rmtree(staging, ignore_errors=True)
        why = telling_line(made.stderr)
        raise failure(data_dir, tried="creating the cluster (initdb)", why=why)
    staging.rename(data_dir / "data")


def _write_authentication(cluster: Path, account: Account) -> None:
    """Only the server's account and root come in, by the kernel's word for who they are."""
    names = dict.fromkeys((account.name, "root"))
    files = {
        "pg_hba.conf": "local all all peer map=bgptui\n",
        "pg_ident.conf": "".join(f'bgptui "{name}" {SUPERUSER}\n' for name in names),
    }
    for name, text in files.items():
        path = cluster / name
        path.write_text(text)
        path.chmod(0o600)
        if account.dropped:
            os.chown(path, account.uid, account.gid)


@contextlib.contextmanager
def _named_for(account: Account, directory: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """A path of `directory` that the account can use, and descriptors that go with it."""
    if not account.dropped or not Path("/proc/self/fd").is_dir():
        yield str(directory), ()
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}", (descriptor,)
    finally:
        os.close(descriptor)
