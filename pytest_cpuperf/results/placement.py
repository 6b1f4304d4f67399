"""Where a test ran, and why there."""

from __future__ import annotations

from dataclasses import dataclass

MUCH_ELSEWHERE = 0.1
"""Reading memory of another node takes about twice the time: below this share it hides in the interval."""


@dataclass(frozen=True)
class Placement:
    """The set of CPUs a test may run on, and why these."""

    cpus: tuple[int, ...]
    reason: str
    pinned: bool
    """Whether every thread of the process was put on these CPUs and the mask read back."""
    strays: tuple[str, ...] = ()
    """Threads found outside the placement after a measurement or when the test ended, as `name (tid): cpus`."""
    memory_elsewhere: float | None = None
    """The largest share of the process's memory on other NUMA nodes, then; None on machines with one node."""
