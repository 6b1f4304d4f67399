"""What a quantity of evidence is: a file in `quantities/` with one class, which registers itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from pytest_cpuperf.machine.evidence.processes import ProcessCounters
from pytest_cpuperf.results.evidence import DESCRIPTIONS, QuantityDescription

Value = int | float | None
"""None is what the system does not tell; it is never zero."""


@dataclass(frozen=True)
class Sources:
    """Where a placement's counters are."""

    cpus: tuple[int, ...]
    throttle_file: Path | None
    """The cgroup's `cpu.stat`."""
    cpu_pressure_file: Path | None
    memory_pressure_file: Path | None


@dataclass(frozen=True)
class Moment:
    """What was read at one time, before or after some blocks. Times in seconds."""

    wall: float
    sources: Sources
    busy: float | None
    """Time the placement's CPUs were neither idle nor stolen."""
    steal: float | None
    processes: tuple[ProcessCounters, ...]
    """This process, and the one in which the other side runs, if any."""
    readings: dict[str, Value] = field(default_factory=dict)
    """What each quantity read, by its name."""

    def own(self, name: str) -> Value:
        """Return the sum of a counter over our processes; None where one of them does not have it."""
        values = [getattr(p, name) for p in self.processes]
        return None if None in values else sum(values)


class Quantity(ABC):
    """One quantity of evidence: what it is called, how it is read, and how blocks are put together."""

    name: ClassVar[str]
    """The field in JSON, with its unit: `steal_seconds`."""
    words: ClassVar[str]
    """In the report's table: `taken by the hypervisor`."""
    unit: ClassVar[str]
    """`s`, `times`, or any other that a figure can stand before."""
    rank: ClassVar[int] = 100
    """Its place in tables: the smallest comes first."""
    known: ClassVar[dict[str, Quantity]] = {}
    """All that are loaded, by name."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not all(isinstance(cls.__dict__.get(key), str) for key in ("name", "words", "unit")):
            raise TypeError(f"the evidence {cls.__name__} needs `name`, `words` and `unit`")
        if cls.read is Quantity.read:
            raise TypeError(f"the evidence {cls.__name__} needs a method `read`")
        Quantity.known[cls.name] = cls()
        DESCRIPTIONS[cls.name] = QuantityDescription(cls.name, cls.words, cls.unit, cls.rank)

    @abstractmethod
    def read(self, moment: Moment) -> Value:
        """Return the reading now, with other things read at the same time at hand. It must cost microseconds."""

    def between(self, first: Moment, last: Moment) -> Value:
        """Return the quantity for what lies between two moments: how far a counter came, by default."""
        before, after = first.readings[self.name], last.readings[self.name]
        return None if before is None or after is None else max(0, after - before)

    def combine(self, values: Sequence[int | float], seconds: Sequence[float]) -> int | float:
        """Return the quantity for several blocks, of so many seconds each: the sum, by default."""
        return sum(values)
