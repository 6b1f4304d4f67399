"""Where a test ran, and why there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Placement:
    """The set of CPUs a test may run on, and why these."""

    cpus: tuple[int, ...]
    reason: str
    pinned: bool
    """Whether every thread of the process was put on these CPUs and the mask read back."""
    strays: tuple[str, ...] = ()
    """Threads found outside the placement when the test ended, as `name (tid): cpus`."""
    memory_elsewhere: float | None = None
    """The share of the process's memory on other NUMA nodes when the test ended; None on machines with one node."""
