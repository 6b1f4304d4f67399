"""How often the kernel took the CPU from one of our threads."""

from __future__ import annotations

from pytest_cpuperf.machine.evidence.base import Moment, Quantity, Value


class InvoluntarySwitches(Quantity):
    """How often the kernel took the CPU from one of our threads."""

    name = "involuntary_switches"
    words = "pushed off a CPU"
    unit = "times"
    rank = 50

    def read(self, moment: Moment) -> Value:
        """Return the counter."""
        return moment.own("involuntary_switches")
