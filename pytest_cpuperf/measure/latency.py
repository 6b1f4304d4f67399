"""Percentiles of single calls, with intervals from order statistics.

Of n independent calls, how many lie below the p-quantile is binomial(n, p): the r-th fastest call is a confidence bound
for the quantile wherever the binomial's tail beyond r is small enough. Source: Hollander, Wolfe & Chicken,
"Nonparametric Statistical Methods" (3rd ed.), section 11.6; David & Nagaraja, "Order Statistics", 7.1. With no call
slower than the bound, p90 at 95 % needs 36 calls and p99 at 99 % needs 528 (two-sided).

Here the call is the unit, each a block of its own; calls are timed in groups, and a group the machine disturbed is set
aside whole, by the rule for pairs.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_cpuperf.machine.evidence import Watch, total
from pytest_cpuperf.measure.blocks import Work, garbage_between_blocks, time_block, warm_up
from pytest_cpuperf.measure.looks import plan_looks
from pytest_cpuperf.measure.outcome import LatencyOutcome
from pytest_cpuperf.measure.sequential import Goal, Patience, SequentialRun
from pytest_cpuperf.results.measurements import CallGroup
from pytest_cpuperf.results.remarks.measuring import TooFewCalls
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Estimate, Verdict

_MOST_CALLS = 20_000
# Without a budget, an interval this wide, relative to the point, is narrow enough.
_CLEAR_ENOUGH = 0.05


def calls_needed(p: float, alpha: float) -> int:
    """Return the fewest calls from which a two-sided interval for the p-quantile exists."""
    return math.ceil(math.log(alpha / 2) / math.log(max(p, 1 - p)) - 1e-9)


def quantile(seconds: Sequence[float], p: float, alpha: float) -> tuple[float, float, float]:
    """Return (point, low, high) of the p-quantile at level 1 - alpha.

    Raises ValueError for fewer values than `calls_needed(p, alpha)`.
    """
    n = len(seconds)
    if n < calls_needed(p, alpha):
        raise ValueError(f"an interval for p{100 * p:g} needs {calls_needed(p, alpha)} values, found {n}")
    ordered = sorted(seconds)
    # P(B <= k) for B ~ binomial(n, p), from logarithms: p**n underflows for large n.
    below, low, high = 0.0, 0, n - 1
    for k in range(n):
        log_probability = (
            math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
            + k * math.log(p) + (n - k) * math.log1p(-p)
        )  # fmt: skip
        below += math.exp(log_probability)
        if below <= alpha / 2:
            low = k  # the (k + 1)-th fastest is below the quantile but for this tail
        if below >= 1 - alpha / 2:
            high = min(n - 1, k)
            break
    return _rank(ordered, p), ordered[low], ordered[high]


def _rank(ordered: Sequence[float], p: float) -> float:
    """Return the p-quantile of some values: the smallest with at least a share p at or below it."""
    return ordered[max(0, math.ceil(len(ordered) * p) - 1)]


@dataclass(frozen=True)
class Percentile(Goal[float]):
    """A percentile of the seconds that calls take, and the most it may be."""

    p: float
    """0 to 1."""
    at_most: float | None
    """Seconds."""
    groups = True

    def fewest(self, alpha: float) -> int:
        """Return how many calls give an interval at a level."""
        return calls_needed(self.p, alpha)

    def estimate(self, units: Sequence[float], alpha: float) -> Estimate:
        """Return the percentile of some calls, in seconds, at level 1 - alpha."""
        point, low, high = quantile(units, self.p, alpha)
        return Estimate(point, low, high, Unit("s"), 1 - alpha, len(units))

    def judge(self, estimate: Estimate) -> Verdict:
        """Return the verdict of the estimate against the budget."""
        if self.at_most is None:
            return Verdict.NO_BUDGET
        if estimate.high <= self.at_most:
            return Verdict.PASS
        return Verdict.FAIL if estimate.low > self.at_most else Verdict.INCONCLUSIVE

    def is_clear(self, estimate: Estimate, units: Sequence[float], alpha: float) -> bool:
        """Return whether an estimate without a budget is narrow enough."""
        return estimate.high - estimate.low <= _CLEAR_ENOUGH * estimate.point


def measure_latency(
    work: Work, p: float, at_most: float | None, patience: Patience, cpus: tuple[int, ...]
) -> LatencyOutcome:
    """Time single calls until a planned look is clear, or time is over."""
    began = time.perf_counter()
    deadline = began + patience.max_seconds
    goal = Percentile(p, at_most)
    groups: list[CallGroup] = []
    with garbage_between_blocks() as collect_garbage:
        warm = warm_up(work, patience.max_seconds * 0.1)
        affordable = int((deadline - time.perf_counter()) / (1.1 * max(warm.seconds_per_call, 1e-9)))
        planned = min(_MOST_CALLS, affordable)
        run = SequentialRun(goal, plan_looks(planned, patience.alpha, goal.fewest))
        watch = Watch(cpus)
        while run.looks and run.verdict is None and time.perf_counter() < deadline:
            collect_garbage()
            patience.report(len(run.clean), run.estimate, deadline)
            before = watch.read()
            seconds = [time_block(work, 1) for _ in range(min(warm.calls_per_block, planned))]
            evidence = watch.between(before, watch.read())
            groups.append(CallGroup(len(groups), len(seconds), _rank(sorted(seconds), p), evidence))
            run.add(seconds, evidence)

    def too_few() -> TooFewCalls:
        needed, each = goal.fewest(patience.alpha), warm.seconds_per_call
        return TooFewCalls(p, patience.confidence, needed, each, patience.max_seconds, 1.5 * needed * each)

    verdict, reason = run.conclude(too_few)
    return LatencyOutcome(
        verdict=verdict,
        reason=reason,
        estimate=run.estimate,
        groups=tuple(groups),
        evidence=total(g.evidence for g in groups),
        calls_per_block=1,
        warm_up_calls=warm.calls,
        steady=warm.steady,
        seconds_spent=time.perf_counter() - began,
    )
