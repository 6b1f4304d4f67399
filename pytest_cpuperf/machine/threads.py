"""How long each thread of this process has run: the per-task `schedstat` (Documentation/scheduler/sched-stats.rst)."""

from __future__ import annotations

import os
from pathlib import Path

_TASKS = Path("/proc/self/task")

IDLE_SECONDS = 0.001
"""A thread that ran for less did none of the work that was timed."""


def run_seconds(thread: int | None) -> float | None:
    """Return how long a thread has run, by its native id; None where the system does not tell, or it ended."""
    try:
        return int((_TASKS / str(thread) / "schedstat").read_bytes().split()[0]) / 1e9
    except (OSError, IndexError, ValueError):
        return None


def all_run_seconds() -> dict[int, float]:
    """Return how long each thread has run, by native id; empty where the system does not tell."""
    if not _TASKS.is_dir():
        return {}
    seconds = {int(thread): run_seconds(int(thread)) for thread in os.listdir(_TASKS)}
    return {thread: ran for thread, ran in seconds.items() if ran is not None}


def has_run(before: float | None, after: float | None) -> bool:
    """Return whether a thread ran between two readings; True where it cannot be known."""
    return before is None or after is None or after - before > IDLE_SECONDS
