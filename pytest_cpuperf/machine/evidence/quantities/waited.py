"""Time our threads were ready to run and did not (`/proc/self/task/*/schedstat`)."""

from __future__ import annotations

from pytest_cpuperf.machine.evidence.base import Moment, Quantity, Value


class Waited(Quantity):
    """Time our threads were ready to run and did not (`/proc/self/task/*/schedstat`)."""

    name = "waited_seconds"
    words = "waited for a CPU"
    unit = "s"
    rank = 10

    def read(self, moment: Moment) -> Value:
        """Return the counter."""
        return moment.own("waited_seconds")
