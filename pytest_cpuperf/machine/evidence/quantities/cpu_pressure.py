"""Time a task of our cgroup, or of the machine, was ready and had no CPU (`cpu.pressure`)."""

from __future__ import annotations

from pytest_cpuperf.machine.evidence.base import Moment, Quantity, Value
from pytest_cpuperf.machine.evidence.files import stalled_seconds


class CpuPressure(Quantity):
    """Time a task of our cgroup, or of the machine, was ready and had no CPU (`cpu.pressure`)."""

    name = "cpu_pressure_seconds"
    words = "CPU pressure"
    unit = "s"
    rank = 70

    def read(self, moment: Moment) -> Value:
        """Return the counter."""
        return stalled_seconds(moment.sources.cpu_pressure_file)
