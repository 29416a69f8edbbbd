"""Peak memory of this process, from the kernel.

getrusage's ru_maxrss is of no use in a child: it begins with what the parent had.
"""

from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def peak_mib() -> float:
    """Largest resident size since the start, or since `forget_peak`."""
    (line,) = [line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def forget_peak() -> None:
    """Begin anew at what is resident now (proc(5), clear_refs)."""
    _CLEAR.write_text("5")


def resident_mib() -> float:
    """Resident size now."""
    (line,) = [line for line in _STATUS.read_text().splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) / 1024
