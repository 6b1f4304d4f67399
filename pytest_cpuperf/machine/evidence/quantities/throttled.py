"""Periods in which the quota stopped us (`cpu.stat`)."""

from __future__ import annotations

from pytest_cpuperf.machine.evidence.base import Moment, Quantity, Value
from pytest_cpuperf.machine.evidence.files import stat_value


class Throttled(Quantity):
    """Periods in which the quota stopped us (`cpu.stat`)."""

    name = "throttled_periods"
    words = "stopped by the quota"
    unit = "times"
    rank = 40

    def read(self, moment: Moment) -> Value:
        """Return the counter."""
        return stat_value(moment.sources.throttle_file, "nr_throttled")
