"""Time a task of our cgroup, or of the machine, was stalled for want of memory (`memory.pressure`)."""

from __future__ import annotations

from pytest_cpuperf.machine.evidence.base import Moment, Quantity, Value
from pytest_cpuperf.machine.evidence.files import stalled_seconds


class MemoryPressure(Quantity):
    """Time a task of our cgroup, or of the machine, was stalled for want of memory (`memory.pressure`)."""

    name = "memory_pressure_seconds"
    words = "memory pressure"
    unit = "s"
    rank = 80

    def read(self, moment: Moment) -> Value:
        """Return the counter."""
        return stalled_seconds(moment.sources.memory_pressure_file)
