"""One process's counters, summed over its threads.

Sources: Documentation/scheduler/sched-stats.rst (the per-task `schedstat`), scheduler/sched-debug.rst
(`nr_migrations`), getrusage(2).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pytest_cpuperf.clock import process_seconds


@dataclass(frozen=True)
class ProcessCounters:
    """One process's counters at one moment, summed over its threads."""

    cpu_seconds: float
    """CPU time, ended threads and children included."""
    waited_seconds: float | None
    """Time its threads were ready to run and did not; of the threads alive now."""
    involuntary_switches: int | None
    migrations: int | None
    """How often its threads changed CPUs; of the threads alive now."""


def read_process() -> ProcessCounters:
    """Return the counters of this process now."""
    times = os.times()
    waited, migrations = _threads()
    return ProcessCounters(
        cpu_seconds=process_seconds() + times.children_user + times.children_system,
        waited_seconds=waited,
        involuntary_switches=_involuntary_switches(),
        migrations=migrations,
    )


def _threads() -> tuple[float | None, int | None]:
    """Return the seconds that this process's threads waited for a CPU, and how often they changed it."""
    waited, migrations = 0, 0
    counted = True
    try:
        for thread in os.listdir("/proc/self/task"):
            try:
                waited += int(Path(f"/proc/self/task/{thread}/schedstat").read_bytes().split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue  # the thread ended
            moved = _thread_migrations(thread)
            counted = counted and moved is not None
            migrations += moved or 0
    except (OSError, IndexError, ValueError):
        return None, None
    return waited / 1e9, migrations if counted else None


def _thread_migrations(thread: str) -> int | None:
    try:
        _, found, rest = Path(f"/proc/self/task/{thread}/sched").read_bytes().partition(b"nr_migrations")
        return int(rest.split(b"\n", 1)[0].split(b":")[1]) if found else None
    except (OSError, IndexError, ValueError):
        return None  # a kernel without CONFIG_SCHED_DEBUG has no such file


def _involuntary_switches() -> int | None:
    try:
        import resource  # not on Windows
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw
