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
from pytest_cpuperf.measure.looks import spent
from pytest_cpuperf.measure.pairs import MOST_SET_ASIDE, Outcome, Patience, too_close
from pytest_cpuperf.results.figures import amount
from pytest_cpuperf.results.measurements import CallGroup
from pytest_cpuperf.results.remarks import stated
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Estimate, Verdict

_MOST_CALLS = 20_000
_FRACTIONS = (1 / 8, 1 / 4, 1 / 2, 1.0)


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


@dataclass(frozen=True, kw_only=True)
class LatencyOutcome(Outcome):
    """How a measurement of single calls ended."""

    groups: tuple[CallGroup, ...]


def measure_latency(
    work: Work, p: float, at_most: float | None, patience: Patience, cpus: tuple[int, ...]
) -> LatencyOutcome:
    """Time single calls until a planned look is clear, or time is over."""
    began = time.perf_counter()
    deadline = began + patience.max_seconds
    alpha = 1 - patience.confidence
    needed = calls_needed(p, alpha)
    clean: list[float] = []
    groups: list[CallGroup] = []
    aside = 0
    estimate: Estimate | None = None
    verdict: Verdict | None = None
    with garbage_between_blocks() as collect_garbage:
        warm = warm_up(work, patience.max_seconds * 0.1)
        per_group = warm.calls_per_block
        affordable = int((deadline - time.perf_counter()) / (1.1 * max(warm.seconds_per_call, 1e-9)))
        planned = min(_MOST_CALLS, affordable)
        looks = _looks(planned, p, alpha)
        watch = Watch(cpus)
        while looks and verdict is None and time.perf_counter() < deadline:
            collect_garbage()
            patience.tell(len(clean), estimate, deadline)
            before = watch.read()
            group = [time_block(work, 1) for _ in range(min(per_group, planned))]
            evidence = watch.between(before, watch.read())
            groups.append(CallGroup(len(groups), len(group), _rank(sorted(group), p), evidence))
            if evidence.disturbance:
                aside += 1
                continue
            clean += group
            while looks and len(clean) >= looks[0][0]:
                (_, share), looks = looks[0], looks[1:]
                estimate = _estimate(clean, p, share)
                verdict = _judge(estimate, at_most, last=not looks)
    if verdict is None and looks and len(clean) >= calls_needed(p, left := sum(share for _, share in looks)):
        estimate = _estimate(clean, p, left)
        verdict = _judge(estimate, at_most, last=True)
    reason = ""
    if verdict is None or aside > MOST_SET_ASIDE * len(groups):
        verdict = Verdict.INCONCLUSIVE
        if aside:
            worst = next(g.evidence.disturbance for g in groups if g.evidence.disturbance)
            reason = f"{aside} of {len(groups)} groups of calls were set aside: {worst}"
        else:
            each, seconds = warm.seconds_per_call, patience.max_seconds
            reason = (
                f"p{100 * p:g} at {patience.confidence:.0%} needs {needed} calls of {amount(each)} s: max_seconds is "
                f"{seconds:g}, about {math.ceil(1.5 * needed * each)} are needed"
            )
    elif verdict is Verdict.INCONCLUSIVE:
        reason = too_close(estimate)
    return LatencyOutcome(
        verdict=verdict,
        reason=stated(reason),
        estimate=estimate,
        pairs=(),
        set_aside=(),
        groups=tuple(groups),
        evidence=total(g.evidence for g in groups),
        calls_per_block=1,
        warm_up_calls=warm.calls,
        steady=warm.steady,
        seconds_spent=time.perf_counter() - began,
    )


def _looks(planned: int, p: float, alpha: float) -> list[tuple[int, float]]:
    """Return (calls, share of alpha) of each planned look; those too small for an interval give theirs to the next."""
    looks: list[tuple[int, float]] = []
    used = 0.0
    for fraction in _FRACTIONS:
        calls, share = math.ceil(planned * fraction), spent(fraction, alpha) - used
        if calls >= calls_needed(p, share) and (not looks or calls > looks[-1][0]):
            looks.append((calls, share))
            used += share
    return looks


def _estimate(seconds: Sequence[float], p: float, alpha: float) -> Estimate:
    point, low, high = quantile(seconds, p, alpha)
    return Estimate(point, low, high, Unit("s"), 1 - alpha, len(seconds))


def _judge(estimate: Estimate, at_most: float | None, last: bool) -> Verdict | None:
    if at_most is None:
        narrow = estimate.high - estimate.low <= 0.05 * estimate.point
        return Verdict.NO_BUDGET if last or narrow else None
    if estimate.high <= at_most:
        return Verdict.PASS
    if estimate.low > at_most:
        return Verdict.FAIL
    return Verdict.INCONCLUSIVE if last else None
