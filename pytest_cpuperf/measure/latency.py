"""Percentiles of single calls, and the budgets that are held against them.

Here the call is the unit, each a block of its own. Calls are timed in groups, and a group the machine disturbed is set
aside whole, by the rule for pairs. `quantiles` has the interval, which holds for calls that depend on their neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from pytest_cpuperf.clock import now
from pytest_cpuperf.machine.evidence import Watch, total
from pytest_cpuperf.measure.blocks import TimeOverError, Work, garbage_between_blocks, time_block, warm_up
from pytest_cpuperf.measure.looks import plan_looks
from pytest_cpuperf.measure.outcome import LatencyOutcome
from pytest_cpuperf.measure.quantiles import BATCHES, calls_needed, design_effect, quantile, rank
from pytest_cpuperf.measure.sequential import Goal, Patience, SequentialRun
from pytest_cpuperf.measure.tracing import untraced
from pytest_cpuperf.results.measurements import CallGroup
from pytest_cpuperf.results.remarks import Remark
from pytest_cpuperf.results.remarks.measuring import TimeOver, TooFewCalls
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Estimate, Verdict

_MOST_CALLS = 100_000
# Without a budget, an interval this wide, relative to the point, is narrow enough.
_CLEAR_ENOUGH = 0.05
# A budget so many times away from every call is decided, whatever the calls depend on.
_FAR = 2.0


@dataclass(frozen=True)
class Percentile(Goal[float]):
    """A percentile of the seconds that calls take, and the most it may be."""

    p: float
    """0 to 1."""
    at_most: float | None
    """Seconds."""
    groups = True
    disturbance_only_slows = True

    def fewest(self, alpha: float) -> int:
        """Return how many calls give an interval at a level, if they do not depend on each other."""
        return calls_needed(self.p, alpha)

    def estimate(self, units: Sequence[float], alpha: float) -> Estimate | None:
        """Return the percentile of some calls, in seconds, at level 1 - alpha.

        None where the calls depend on each other so much that they are too few. Where the budget is far from every one
        of them that does not matter: the interval then goes from the fastest call to the slowest.
        """
        effect = design_effect(units, self.p)
        if len(units) >= calls_needed(self.p, alpha, effect):
            point, low, high = quantile(units, self.p, alpha, effect)
        elif len(units) >= calls_needed(self.p, alpha) and self._is_far_from(units):
            point, low, high = rank(sorted(units), self.p), min(units), max(units)
        else:
            return None
        return Estimate(point, low, high, Unit("s"), 1 - alpha, len(units))

    def _is_far_from(self, units: Sequence[float]) -> bool:
        if self.at_most is None:
            return False
        return _FAR * max(units) <= self.at_most or min(units) >= _FAR * self.at_most

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


@untraced
def measure_latency(
    work: Work, p: float, at_most: float | None, patience: Patience, cpus: tuple[int, ...]
) -> LatencyOutcome:
    """Time single calls until a planned look is clear, or time is over."""
    began = now()
    deadline = began + patience.max_seconds
    goal = Percentile(p, at_most)
    groups: list[CallGroup] = []
    with garbage_between_blocks() as collect_garbage:
        try:
            warm = warm_up(work, patience.max_seconds * 0.1, deadline)
        except TimeOverError as error:
            return _nothing_timed(TimeOver(error.calls, error.seconds, patience.max_seconds), now() - began, patience)
        affordable = int((deadline - now()) / (1.1 * max(warm.seconds_per_call, 1e-9)))
        planned = min(_MOST_CALLS, affordable)
        run = SequentialRun(goal, plan_looks(planned, patience.alpha, goal.fewest), patience.confidence)
        watch = Watch(cpus)
        while run.looks and run.verdict is None and now() < deadline:
            collect_garbage()
            patience.report(len(run.clean), run.estimate, deadline)
            before = watch.read()
            seconds = _time_calls(work, min(warm.calls_per_block, planned), deadline)
            evidence = watch.between(before, watch.read())
            groups.append(CallGroup(len(groups), len(seconds), rank(sorted(seconds), p), evidence))
            run.add(seconds, evidence)

    def too_few() -> TooFewCalls:
        alpha = run.looks[-1].alpha if run.looks else patience.alpha
        effect = design_effect(run.clean, p) if len(run.clean) >= BATCHES else 1.0
        needed = calls_needed(p, alpha, effect)
        each = fmean(run.clean) if run.clean else warm.seconds_per_call
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
        seconds_spent=now() - began,
        alpha=run.alpha,
    )


def _time_calls(work: Work, most: int, until: float) -> list[float]:
    """Return the seconds of each of so many calls; of fewer, at least one, where the clock passes `until`."""
    seconds = [time_block(work, 1)]
    while len(seconds) < most and now() < until:
        seconds.append(time_block(work, 1))
    return seconds


def _nothing_timed(why: Remark, seconds_spent: float, patience: Patience) -> LatencyOutcome:
    return LatencyOutcome(
        verdict=Verdict.INCONCLUSIVE,
        reason=why,
        estimate=None,
        groups=(),
        evidence=None,
        calls_per_block=1,
        warm_up_calls=0,
        steady=False,
        seconds_spent=seconds_spent,
        alpha=patience.alpha,
    )
