"""Where what was measured was not where, or not as, it should have been."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pytest_cpuperf.results.remarks.base import Remark


@dataclass(frozen=True)
class ThreadsOutside(Remark):
    """Threads that ran for the measurement could run outside the placement."""

    kind: ClassVar[str] = "threads outside"
    count: int
    names: tuple[str, ...]
    """What Python calls them, or the system where Python does not know them; each name once."""
    cpus: tuple[int, ...]
    """The CPUs outside the placement that they could run on."""


@dataclass(frozen=True)
class MemoryElsewhere(Remark):
    """Much of the process's memory is on NUMA nodes other than those of the placement."""

    kind: ClassVar[str] = "memory elsewhere"
    share: float


@dataclass(frozen=True)
class Traced(Remark):
    """A tracer or profiler was on while blocks were timed."""

    kind: ClassVar[str] = "traced"
    tracer: str | None
    """What traced the thread that measured, by name; None where nothing did."""
    threads: tuple[str, ...]
    """Other threads that ran meanwhile and may have had a tracer, by name: it cannot be taken off them."""
