"""How a speedup is judged that a claim promises, and how long it is measured for that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_cpuperf.measure.pairs import FAR, FEWEST_FOR_A_FIGURE, Quantity, speedup
from pytest_cpuperf.results.claims import Judgement
from pytest_cpuperf.results.measurements import Measurement, Pair
from pytest_cpuperf.results.remarks import Remark
from pytest_cpuperf.results.remarks.claims import IntervalTooWide
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
        """Return whether the estimate judges the claim; one that is far from 1 needs no more pairs to be a figure."""
        enough = len(units) >= FEWEST_FOR_A_FIGURE or estimate.low > FAR or estimate.high < 1 / FAR
        return enough and judged(estimate) is not Judgement.INCONCLUSIVE


def claimed_speedup() -> Quantity:
    """Return the speedup of a pair's candidate over its baseline, to be measured until `judged` can tell."""
    return _ClaimedSpeedup(speedup, Unit("×"), None)


def why_inconclusive(record: Measurement) -> Remark | None:
    """Return why a measurement judges nothing."""
    if record.reason is not None or record.estimate is None:
        return record.reason
    return IntervalTooWide(record.estimate.smallest_difference, record.estimate.pairs)
