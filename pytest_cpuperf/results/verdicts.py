"""An estimate with its interval, the budget it is held against, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pytest_cpuperf.results.figures import amount, interval, smallest_difference
from pytest_cpuperf.results.units import Unit


class Verdict(str, Enum):
    """What a measurement says about its budget."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NO_BUDGET = "no budget"
    """Measured, and nothing to hold it against."""
    NOT_MEASURED = "not measured"
    """The plugin is off: the function ran once, and no clock did."""

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Estimate:
    """A point and an interval. `confidence` is that of all planned looks together: how surely the interval holds,
    whenever the measurement stopped.
    """

    point: float
    low: float
    high: float
    unit: Unit
    confidence: float
    pairs: int

    @property
    def smallest_difference(self) -> float:
        """How far from a budget, as a share of it, the truth must be for an interval of this width to show it."""
        return smallest_difference(self.point, self.low, self.high)

    def __str__(self) -> str:
        point, low, high = interval(self.point, self.low, self.high)
        return f"{point} [{low}, {high}]"


@dataclass(frozen=True)
class Budget:
    """What a verdict is held against: the least the estimate may be, or the most."""

    at_least: float | None
    unit: Unit
    at_most: float | None = None

    def __str__(self) -> str:
        if self.at_least is None:
            return f"at most {self.unit.after(amount(self.at_most or 0.0))}"
        return f"at least {self.unit.after(amount(self.at_least))}"
