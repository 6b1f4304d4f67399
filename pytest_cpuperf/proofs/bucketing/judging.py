"""How a bucketing experiment is judged from its rounds.

Where every round runs all batches of both arms, rounds differ by the machine's mood alone. Each one's ratio estimates
the same number, and their centre (Hodges-Lehmann) does so however wild a few are.

Where rounds sample batches, what one shows of the whole job is right in the mean alone (`parts`). The ratio of the
means is then estimated (`measure.ratios`); the centre is off by as much as the costs are skewed.

Two things no rounds show, and a budget that is near is left undecided for them:

- How far a cut batch is from the whole one: that error is the same in all rounds. The interval is widened by an
  allowance for it.
- Dear batches that no round has timed yet. Few rounds look alike then, and their interval is too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median

from pytest_cpuperf.measure.outcome import Outcome
from pytest_cpuperf.measure.pairs import Quantity
from pytest_cpuperf.measure.ratios import ratio_of_means
from pytest_cpuperf.proofs.bucketing.parts import Parts
from pytest_cpuperf.results.measurements import Pair
from pytest_cpuperf.results.remarks import Remark
from pytest_cpuperf.results.remarks.bucketing import FewBatchesTimed
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Estimate, Verdict

CUT_ALLOWANCE = 0.3
"""By how much more or less a sequence may cost in the whole batch than what the cost model makes of the cut one.

It is an assumption. MiniLM's sequences of 512 tokens took 0.21 s each in batches of 1 to 8, and 0.26 s in one of 32: a
model that knew the small ones alone would be 26 % off.
"""

# Of batches that make up a fifth of the time, 24 that are drawn by it hold none once in 200 times (0.8 ** 24).
_BATCHES_NEEDED = 24
# A budget so many times away is decided without them.
_FAR = 2.0


@dataclass(frozen=True)
class JobSeconds:
    """The seconds that the whole job takes an arm, as each round shows them."""

    of_round: Callable[[Pair], float]
    sampled: bool = False
    """Whether rounds run other parts of the job, so that only their mean is that of the whole."""
    cut_share: float = 0.0
    """The share of them that comes from batches that are cut, by the cost model."""
    rounds_needed: int = 0
    """How many rounds have seen enough batches."""

    @classmethod
    def of(cls, of_round: Callable[[Pair], float], parts: Parts) -> JobSeconds:
        """Return the seconds of an arm of which these parts are timed."""
        if parts.whole:
            return cls(of_round)
        needed = math.ceil(min(_BATCHES_NEEDED, 2 * len(parts)) / parts.batches_a_round)
        return cls(of_round, True, parts.cut_share, needed)

    @property
    def unknown(self) -> tuple[float, float]:
        """The factors between which the truth may be off because batches are cut."""
        return 1 - self.cut_share * (1 - 1 / (1 + CUT_ALLOWANCE)), 1 + self.cut_share * CUT_ALLOWANCE

    def mean(self, pairs: Sequence[Pair]) -> float:
        """Return the seconds that stand for all rounds: their mean where they sample, else their median."""
        return (fmean if self.sampled else median)(self.of_round(pair) for pair in pairs)


@dataclass(frozen=True, kw_only=True)
class SampledRatio(Quantity):
    """The ratio of two means over rounds that sample parts of the work."""

    numerator: JobSeconds
    denominator: JobSeconds
    scale: float = 1.0

    @property
    def unknown(self) -> tuple[float, float]:
        """The factors between which the truth may be off because batches are cut."""
        above, below = self.numerator.unknown, self.denominator.unknown
        return above[0] / below[1], above[1] / below[0]

    def estimate(self, units: Sequence[Pair], alpha: float) -> Estimate | None:
        """Return the estimate from rounds, at level 1 - alpha, widened by what cut batches leave open.

        Of too few rounds it is what `Quantity` makes of them: nothing, unless the budget is far away.
        """
        if len(units) < self.fewest(alpha):
            return super().estimate(units, alpha)
        above, below = self._sides(units)
        point, low, high = (self.scale * value for value in ratio_of_means(above, below, alpha))
        return Estimate(point, low * self.unknown[0], high * self.unknown[1], self.unit, 1 - alpha, len(units))

    def is_clear(self, estimate: Estimate, units: Sequence[Pair], alpha: float) -> bool:
        """Return whether rounds without a budget are enough: more of them do not tell more of what was cut."""
        by_rounds = replace(estimate, low=estimate.low / self.unknown[0], high=estimate.high / self.unknown[1])
        return super().is_clear(by_rounds, units, alpha)

    def contradiction(self, verdict: Verdict, measured: Sequence[Pair], clean: Sequence[Pair]) -> Remark | None:
        """Return that too few batches were timed for a budget that is near, or what contradicts any other verdict."""
        needed = max(self.numerator.rounds_needed, self.denominator.rounds_needed)
        if self.at_least is not None and len(clean) < needed and verdict in (Verdict.PASS, Verdict.FAIL):
            above, below = map(fmean, self._sides(clean))
            if 1 / _FAR < self.scale * above / below / self.at_least < _FAR:
                return FewBatchesTimed(len(clean), needed)
        return super().contradiction(verdict, measured, clean)

    def _sides(self, units: Sequence[Pair]) -> tuple[list[float], list[float]]:
        above, below = ([side.of_round(pair) for pair in units] for side in (self.numerator, self.denominator))
        return above, below


def ratio(
    numerator: JobSeconds, denominator: JobSeconds, unit: Unit, at_least: float | None = None, scale: float = 1.0
) -> Quantity:
    """Return the quantity `scale` times one arm's seconds over another's, to be held against a budget."""

    def of_pair(pair: Pair) -> float:
        return scale * numerator.of_round(pair) / denominator.of_round(pair)

    if numerator.sampled or denominator.sampled:
        return SampledRatio(of_pair, unit, at_least, numerator=numerator, denominator=denominator, scale=scale)
    return Quantity(of_pair, unit, at_least)


def rate(count: float, arm: JobSeconds, unit: Unit) -> Quantity:
    """Return the quantity of so many things a second, `count` of them in the whole job."""
    return ratio(JobSeconds(lambda _: count), arm, unit)


def estimated_too(outcome: Outcome, quantity: Quantity) -> Estimate | None:
    """Return another quantity over the rounds of a measurement, for the record; None where they are too few.

    It holds as surely as the measurement's own, as in `measure.pairs.also_estimate`.
    """
    if outcome.estimate is None or len(outcome.judged) < quantity.fewest(outcome.alpha):
        return None
    estimate = quantity.estimate(outcome.judged, outcome.alpha)
    return None if estimate is None else replace(estimate, confidence=outcome.estimate.confidence)
