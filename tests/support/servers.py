"""Other database servers than the embedded one, for tests of sql/ on every engine."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from msgspec import Struct
from psycopg.conninfo import make_conninfo

from bgptui.store.postgres_binaries import Account, server_account

_WIRE_SHIM = Path(__file__).parents[1] / "timescaledb" / "server.mjs"
_START_S = 60
_NAMED = "subjectAltName=DNS:localhost"


@contextmanager
def timescaledb(node_modules: Path) -> Iterator[str]:
    """DSN of TimescaleDB as WebAssembly, one process; tests/timescaledb tells what it cannot."""
    with tempfile.TemporaryDirectory(prefix="timescaledb-") as directory:
        process = subprocess.Popen(
            ["node", _WIRE_SHIM, node_modules, Path(directory, ".s.PGSQL.5432")],
            stdin=subprocess.PIPE,  # it ends with us, however we end
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", "the server did not start"
            yield make_conninfo(host=directory, user="postgres", dbname="postgres")
        finally:
            process.terminate()
            process.wait(_START_S)
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


class PostgresServer(Struct, frozen=True):
    """A server that asks for passwords, over TLS or a Unix socket.

    Attributes:
        dsn: of database `postgres` as its superuser, the password included.
        port: on localhost, TLS only.
        certificate: its own, self-signed, for `localhost`.
    """

    dsn: str
    port: int
    certificate: Path


@contextmanager
def postgres(programs: Path) -> Iterator[PostgresServer]:
    """A throw-away cluster of the PostgreSQL in a directory of programs (bin)."""
    directory = Path(tempfile.mkdtemp(prefix="postgres-"))
    account = server_account(directory / "data")
    try:
        directory.chmod(0o711)
        password = secrets.token_hex(8)
        _initialise(programs, directory, account, password)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        process = subprocess.Popen(
            [programs / "postgres", "-D", directory / "data", "-p", str(port), "-k", directory],
            stdout=subprocess.DEVNULL,
            stderr=(directory / "log").open("wb"),
            cwd="/",
            **account.child_options(),
        )
        dsn = make_conninfo(
            host=str(directory), port=port, user="postgres", password=password, dbname="postgres"
        )
        try:
            _await(dsn, process, directory / "log")
            yield PostgresServer(dsn, port, directory / "server.crt")
        finally:
            process.send_signal(signal.SIGINT)  # fast shutdown
            process.wait(_START_S)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _initialise(programs: Path, directory: Path, account: Account, password: str) -> None:
    options = account.child_options()
    if account.dropped:
        os.chown(directory, account.uid, account.gid)
    word = directory / "password"
    word.write_text(password)
    word.chmod(0o644)
    key, certificate = directory / "server.key", directory / "server.crt"
    initdb = ["-U", "postgres", "-E", "UTF8", "--locale=C", "-A", "scram-sha-256", "--no-sync"]
    request = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
    ]
    commands: tuple[list[str | Path], ...] = (
        [programs / "initdb", *initdb, "-D", directory / "data", f"--pwfile={word}"],
        ["openssl", *request, "-addext", _NAMED, "-keyout", key, "-out", certificate],
    )
    for command in commands:
        subprocess.run(command, check=True, capture_output=True, cwd="/", **options)
    (directory / "data" / "pg_hba.conf").write_text(
        "local all all scram-sha-256\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
    )
    with (directory / "data" / "postgresql.conf").open("a") as settings:
        settings.write(
            f"listen_addresses = '127.0.0.1'\nssl = on\nssl_key_file = '{key}'\n"
            f"ssl_cert_file = '{certificate}'\nfsync = off\n"
        )


def _await(dsn: str, process: subprocess.Popen[bytes], log: Path) -> None:
    while True:
        try:
            psycopg.connect(dsn, connect_timeout=_START_S).close()
            return
        except psycopg.OperationalError:
            if process.poll() is not None:
                raise AssertionError(log.read_text()) from None
            time.sleep(0.05)
