"""Time other processes ran on the placement's CPUs (`/proc/stat` less our own)."""

from __future__ import annotations

from pytest_cpuperf.machine.evidence.base import Moment, Quantity, Value


class Others(Quantity):
    """Time other processes ran on the placement's CPUs (`/proc/stat` less our own)."""

    name = "others_seconds"
    words = "other processes on its CPUs"
    unit = "s"
    rank = 20

    def read(self, moment: Moment) -> Value:
        """Return how long the CPUs were busy for others; it may seem to run backwards by a tick."""
        own = moment.own("cpu_seconds")
        return None if moment.busy is None or own is None else moment.busy - own
