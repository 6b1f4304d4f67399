"""Values out of the kernel's files.

Sources: proc_stat(5), Documentation/admin-guide/cgroup-v2.rst (`cpu.stat`), accounting/psi.rst (pressure).
"""

from __future__ import annotations

import os
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def busy_and_steal_seconds(names: tuple[bytes, ...]) -> tuple[float | None, float | None]:
    """Return how long some CPUs (`b"cpu0 "`) were neither idle nor stolen, and how long stolen (`/proc/stat`)."""
    try:
        with open("/proc/stat", "rb") as file:
            lines = file.read().splitlines()
    except OSError:
        return None, None
    busy = steal = 0
    for line in lines:
        if line.startswith(names):
            # user nice system idle iowait irq softirq steal guest guest_nice; guest is in user already
            ticks = [int(word) for word in line.split()[1:9]]
            steal += ticks[7] if len(ticks) > 7 else 0
            busy += ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]
    return busy / TICKS_PER_SECOND, steal / TICKS_PER_SECOND


def stat_value(path: Path | None, key: str) -> int | None:
    """Return the whole number after a key in a file of `key value` lines; None where there is none."""
    if path is None:
        return None
    try:
        for line in path.read_text().splitlines():
            name, _, value = line.partition(" ")
            if name == key:
                return int(value)
    except (OSError, ValueError):
        return None
    return None


def stalled_seconds(path: Path | None) -> float | None:
    """Return how long at least one task has been stalled, from a file of pressure stall information."""
    if path is None:
        return None
    try:
        some = path.read_text().partition("\n")[0]
        return int(some.rpartition("total=")[2]) / 1e6
    except (OSError, ValueError):
        return None
