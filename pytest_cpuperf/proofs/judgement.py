"""How a speedup is judged that a claim promises, and how long it is measured for that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_cpuperf.measure.pairs import FEWEST_FOR_A_FIGURE, Quantity, speedup
from pytest_cpuperf.results.claims import Judgement
from pytest_cpuperf.results.measurements import Pair
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Estimate

MATTERS = 0.02
"""A smaller gain or loss than this is none."""


def judged(estimate: Estimate | None) -> Judgement:
    """Return what the interval of a speedup says of the claim that promised one."""
    if estimate is None:
        return Judgement.INCONCLUSIVE
    if estimate.low >= 1 + MATTERS:
        return Judgement.CONFIRMED
    if estimate.high <= 1 - MATTERS:
        return Judgement.HARMFUL
    if estimate.low > 1 - MATTERS and estimate.high < 1 + MATTERS:
        return Judgement.NOT_REPRODUCED
    return Judgement.INCONCLUSIVE


@dataclass(frozen=True)
class _ClaimedSpeedup(Quantity):
    """A speedup that is measured until the claim is judged."""

    def is_clear(self, estimate: Estimate, units: Sequence[Pair], alpha: float) -> bool:
        """Return whether the estimate judges the claim."""
        return len(units) >= FEWEST_FOR_A_FIGURE and judged(estimate) is not Judgement.INCONCLUSIVE


def claimed_speedup() -> Quantity:
    """Return the speedup of a pair's candidate over its baseline, to be measured until `judged` can tell."""
    return _ClaimedSpeedup(speedup, Unit("×"), None)
