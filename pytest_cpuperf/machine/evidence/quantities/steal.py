"""Time the hypervisor gave the placement's CPUs to other guests (`/proc/stat`)."""

from __future__ import annotations

from pytest_cpuperf.machine.evidence.base import Moment, Quantity, Value


class Steal(Quantity):
    """Time the hypervisor gave the placement's CPUs to other guests (`/proc/stat`)."""

    name = "steal_seconds"
    words = "taken by the hypervisor"
    unit = "s"
    rank = 30

    def read(self, moment: Moment) -> Value:
        """Return the counter."""
        return moment.steal
