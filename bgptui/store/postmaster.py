"""One PostgreSQL server process: its settings, its pid file, its log, and whether it lives."""

import subprocess
import time
from enum import Enum, auto
from pathlib import Path

PORT = 5432
SUPERUSER = "bgptui"
POLL_S = 0.02


class Durability(Enum):
    """KEPT: committed is committed. THROWAWAY: fast, and gone at the end."""

    KEPT = auto()
    THROWAWAY = auto()


_SETTINGS = {
    "listen_addresses": "",
    # Relative to the cluster: short enough for any data path (a socket's is limited to 107
    # bytes), and reachable for the server whatever lies above.
    "unix_socket_directories": ".",
    "unix_socket_permissions": "0700",
    "port": str(PORT),
    "cluster_name": "bgptui",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "huge_pages": "off",
    # A table of one-day partitions locks each of them when it is altered or dropped.
    "max_locks_per_transaction": "256",
    # The pipeline needs the other cores, and parallel queries need a large /dev/shm.
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "wal_compression": "on",
    "min_wal_size": "48MB",
    "max_wal_size": "512MB",
    "checkpoint_timeout": "15min",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    # Bounded: a file for each day of the week, emptied when its day comes round again, and
    # without the errors of statements, which their senders see.
    "logging_collector": "on",
    "log_directory": "log",
    "log_filename": "postgresql-%a.log",
    "log_truncate_on_rotation": "on",
    "log_rotation_age": "1d",
    "log_rotation_size": "0",
    "log_min_messages": "log",
    "log_checkpoints": "off",
}
_THROWAWAY_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_ERROR_MARKS = ("PANIC:", "FATAL:", "ERROR:", "error:")


def server_arguments(durability: Durability) -> list[str]:
    """Command-line settings of the server."""
    settings = dict(_SETTINGS)
    if durability is Durability.THROWAWAY:
        settings |= _THROWAWAY_SETTINGS
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def recorded_pid(cluster: Path) -> int | None:
    """First line of postmaster.pid; the process may be dead, or another one by now."""
    try:
        return int((cluster / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def running_pid(cluster: Path) -> int | None:
    """PID of the live server on this cluster, None where there is none.

    A server's working directory is its cluster. PIDs are reused, so one that is alive but is
    not a postgres there is not the server.
    """
    pid = recorded_pid(cluster)
    if pid is None:
        return None
    process = Path("/proc", str(pid))
    if not Path("/proc/self").exists():
        return pid if _listed_by_ps(pid, cluster) else None
    try:
        is_postgres = (process / "comm").read_text().strip() == "postgres"
        return pid if is_postgres and (process / "cwd").samefile(cluster) else None
    except OSError:  # gone, a zombie, or another user's
        return None


def _listed_by_ps(pid: int, cluster: Path) -> bool:
    """For systems without /proc: we start servers with the cluster on the command line."""
    command = ["ps", "-o", "command=", "-p", str(pid)]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return "postgres" in listed.stdout and str(cluster) in listed.stdout


def last_log_line(directory: Path) -> str:
    """What the server that was started last said: an error of its start, or its last line.

    Args:
        directory: the data directory, with start.log and data/log/*.log.
    """
    start_log = directory / "start.log"
    logs = sorted((directory / "data" / "log").glob("*.log"), key=_modified, reverse=True)
    said = [
        telling_line(log.read_text(errors="replace"))
        for log in (start_log, *logs[:1])
        if log.is_file()
    ]
    # start.log ends where the server opens a log of its own, to which processes of an older
    # server may write as well.
    errors = [line for line in said if any(mark in line for mark in _ERROR_MARKS)]
    return (errors or said[-1:] or [""])[0]


def telling_line(output: str) -> str:
    """The line of a program's output that says why it failed, on one line; or ''."""
    lines = output.splitlines()[-8:]
    errors = [line for line in lines if any(mark in line for mark in _ERROR_MARKS)]
    chosen = (errors or lines or [""])[-1]
    # `2026-01-07 10:00:00.123 UTC [17] FATAL:  ...` without its time stamp and PID.
    return " ".join(chosen.rpartition("] ")[2].split())


def _modified(path: Path) -> float:
    return path.stat().st_mtime


def wait_until_gone(cluster: Path, *, timeout_s: float) -> bool:
    """Wait for the end of the server on this cluster; False where it still runs."""
    deadline = time.monotonic() + timeout_s
    while running_pid(cluster) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
