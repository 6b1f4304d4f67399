"""How often our threads changed CPUs (`/proc/self/task/*/sched`)."""

from __future__ import annotations

from pytest_cpuperf.machine.evidence.base import Moment, Quantity, Value


class Migrations(Quantity):
    """How often our threads changed CPUs (`/proc/self/task/*/sched`)."""

    name = "migrations"
    words = "moved to another CPU"
    unit = "times"
    rank = 60

    def read(self, moment: Moment) -> Value:
        """Return the counter."""
        return moment.own("migrations")
