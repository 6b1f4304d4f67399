"""Deciding between "as fast" and "slower" from pairs of processes, in stages.

Processes of the same code are not equally fast: addresses, hash seeds and the places of their memory differ, for as
long as a process lives (Kalibera & Jones, "Rigorous benchmarking in reasonable time", ISMM 2013). So a pair of fresh
processes, one of each side, is one observation, however many blocks it times.

The stages were chosen by simulation, `benchmarks/truth.py against` repeats it: where pairs of processes differ by up to
2.5 % (standard deviation of the logarithm), the same code fails at most once in 1,000 and code that does 7 % more work
is caught at least 99 times in 100.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, median, stdev

from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Estimate, Verdict

LEAST_SHARE = 0.96
"""What is asked of the other side's speed, once all stages are over: halfway between the same and 7 % more work."""
ALLOWED_SPREAD = 0.025
"""How far pairs of processes of the same code may differ: standard deviation of the logarithm of their speedups."""


@dataclass(frozen=True)
class Stage:
    """What the mean logarithm of so many processes' speedups decides."""

    processes: int
    slower_below: float
    as_fast_from: float


STAGES = (
    Stage(2, -0.072, -0.012),
    Stage(4, -0.052, -0.024),
    Stage(6, math.log(LEAST_SHARE), math.log(LEAST_SHARE)),
)
MOST_PROCESSES = STAGES[-1].processes
# Chance 1 in 100 that values whose standard deviation is ALLOWED_SPREAD scatter more than ALLOWED_SPREAD times this:
# the square root of chi-square's 99th percentile over its degrees of freedom, by the number of values.
_MOST_SCATTER = {2: 2.576, 3: 2.146, 4: 1.945, 5: 1.822, 6: 1.737}


@dataclass(frozen=True)
class Decision:
    """What the processes so far decide."""

    verdict: Verdict
    by: tuple[int, ...]
    """The processes that it was decided by, from 0: all, or all but one that differs from the others."""


def decide(logs: Sequence[float]) -> Decision | None:
    """Return what the logarithms of the processes' speedups decide; None where more processes are to be asked.

    Processes that scatter more than is allowed decide nothing before the last stage. There one of them, the farthest
    from the others, may be left out; if the rest scatter too, the verdict is inconclusive.
    """
    stage = next((s for s in STAGES if s.processes == len(logs)), None)
    if stage is None:
        return None
    last = stage is STAGES[-1]
    everyone = kept = tuple(range(len(logs)))
    if _scatter(logs):
        if not last:
            return None
        kept = _without_the_farthest(logs)
        if _scatter([logs[k] for k in kept]):
            return Decision(Verdict.INCONCLUSIVE, everyone)
    mean = fmean(logs[k] for k in kept)
    if mean >= stage.as_fast_from:
        return Decision(Verdict.PASS, kept)
    if mean < stage.slower_below:
        return Decision(Verdict.FAIL, kept)
    return None


def estimate(logs: Sequence[float], pairs: int, unit: Unit, confidence: float) -> Estimate:
    """Return the speedup with an interval for the spread between processes: what is allowed, or what was seen.

    Two processes say too little of their own spread, so that the interval never takes it to be less than is allowed.
    """
    spread = max(ALLOWED_SPREAD, stdev(logs) if len(logs) > 1 else 0.0)
    half = NormalDist().inv_cdf((1 + confidence) / 2) * spread / math.sqrt(len(logs))
    mean = fmean(logs)
    return Estimate(math.exp(mean), math.exp(mean - half), math.exp(mean + half), unit, confidence, pairs)


def _scatter(logs: Sequence[float]) -> bool:
    """Return whether processes differ by more than is allowed and than chance explains."""
    return stdev(logs) > ALLOWED_SPREAD * _MOST_SCATTER[len(logs)]


def _without_the_farthest(logs: Sequence[float]) -> tuple[int, ...]:
    middle = median(logs)
    farthest = max(range(len(logs)), key=lambda k: abs(logs[k] - middle))
    return tuple(k for k in range(len(logs)) if k != farthest)
