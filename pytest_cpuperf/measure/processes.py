"""Speeds of one function in fresh processes, and the ratio of two sets of them: today's and a stored run's.

Processes of the same code are not equally fast (`staged` says why), so that two of them, however long each is measured,
may differ by 3 or 4 % without a change of the code. One process is one observation; how far those of one run differ
tells how surely the means of two runs can be told apart. Source: Kalibera & Jones, "Rigorous benchmarking in reasonable
time", ISMM 2013, whose highest level of repetition this is. The interval is Student's t for two means of one variance,
of the logarithms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev
from typing import Protocol

from pytest_cpuperf.clock import now
from pytest_cpuperf.machine.evidence import Watch
from pytest_cpuperf.measure.blocks import DisturbedWorkError, Work, garbage_between_blocks, warm_up
from pytest_cpuperf.measure.estimate import centre
from pytest_cpuperf.measure.pairs import speedup, time_pair
from pytest_cpuperf.measure.quantiles import student_quantile
from pytest_cpuperf.measure.reference import reference_kernel
from pytest_cpuperf.measure.staged import ALLOWED_SPREAD
from pytest_cpuperf.results.measurements import Pair, ProcessSpeed
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Estimate

FEWEST, MOST = 3, 6
"""Fresh processes that a stored run is held against: it is decided after the first number, or after the second."""
_MOST_REPLACED = 2
PAIRS = 12
"""Pairs of blocks in a process: more would only tell better what is true of this one."""
FEWEST_PAIRS = 3
# On a noisy machine 12 pairs tell too little even of this one. Then there are up to so many times as many, until their
# centre is as well known as it needs to be: standard error of the logarithm, small beside what processes may differ by.
TIMES_AS_MANY = 4
_SURE = 0.01
_WARM_UP_SHARE = 0.1
_TIMES_TOO_LONG = 5


class FreshProcesses(Protocol):
    """Processes that run the test that runs now from its beginning."""

    def speed(self, label: str, seconds: float) -> ProcessSpeed:
        """Return the speed of the function under `label` in a process that begins now and ends afterwards.

        `seconds` is how long it is measured at most. Raises WorkElsewhereError where it cannot be.
        """


def speed_in_this_process(function: Work, seconds: float, cpus: tuple[int, ...]) -> ProcessSpeed:
    """Return the speed of a function against the reference kernel, both in this process.

    Raises DisturbedWorkError where the machine disturbed so many pairs that too few are left, TimeOverError where a
    block takes several times as long as all were to take.
    """
    deadline = now() + seconds
    until = deadline + _TIMES_TOO_LONG * seconds
    kernel, reference = reference_kernel(len(cpus) or 1)
    with garbage_between_blocks() as collect_garbage:
        calls, kernel_calls = (
            warm_up(work, seconds * _WARM_UP_SHARE, until).calls_per_block for work in (function, kernel)
        )
        watch = Watch(cpus, [])
        clean: list[Pair] = []
        number = 0
        while number < 2 * TIMES_AS_MANY * PAIRS and not are_enough(clean, PAIRS):
            if now() > deadline and number >= FEWEST_PAIRS:
                break
            collect_garbage()
            pair = time_pair(function, calls, kernel, kernel_calls, number % 2 == 0, watch, (), until)
            number += 1
            if pair.evidence.disturbance is None:
                clean.append(pair)
    if len(clean) < FEWEST_PAIRS:
        raise DisturbedWorkError(f"of {number} pairs of blocks in {seconds:.2g} s {len(clean)} were undisturbed")
    return ProcessSpeed(math.exp(centre([math.log(speedup(p)) for p in clean])), len(clean), reference)


def are_enough(clean: Sequence[Pair], wanted: int) -> bool:
    """Return whether pairs tell enough of a process: as many as wanted, or more where they scatter."""
    if len(clean) < wanted:
        return False
    deviation = stdev(math.log(speedup(p)) for p in clean)
    return deviation <= _SURE * math.sqrt(len(clean)) or len(clean) >= TIMES_AS_MANY * wanted


@dataclass(frozen=True)
class Ratio:
    """The mean speed of some processes over that of others."""

    estimate: Estimate
    spread: float
    """How far processes of the same code differ: standard deviation of the logarithm."""


def ratio_of_processes(
    head: Sequence[float], base: Sequence[float], alpha: float, unit: Unit, pairs: int, confidence: float
) -> Ratio:
    """Return the ratio of the mean speeds, at level 1 - alpha; it is said to hold with `confidence`.

    One speed on a side, or two, tell too little of their spread: it is then taken to be `ALLOWED_SPREAD` at least.
    """
    logs = [[math.log(speed) for speed in side] for side in (head, base)]
    degrees = len(head) + len(base) - 2
    squares = sum(sum((x - fmean(side)) ** 2 for x in side) for side in logs)
    spread = math.sqrt(squares / degrees) if degrees else 0.0
    z = NormalDist().inv_cdf(1 - alpha / 2)
    factor = student_quantile(z, degrees) if degrees else z
    if min(len(head), len(base)) < FEWEST and spread <= ALLOWED_SPREAD:
        spread, factor = ALLOWED_SPREAD, z
    half = factor * spread * math.sqrt(1 / len(head) + 1 / len(base))
    middle = fmean(logs[0]) - fmean(logs[1])
    low, point, high = (math.exp(middle + by) for by in (-half, 0.0, half))
    return Ratio(Estimate(point, low, high, unit, confidence, pairs), spread)


def measured_speeds(
    label: str, processes: FreshProcesses, seconds: float, enough: Callable[[Sequence[ProcessSpeed]], bool]
) -> tuple[ProcessSpeed, ...]:
    """Return the speeds in up to `MOST` fresh processes, `seconds` for all of them; fewer where `enough` says so.

    A process that the machine disturbed too much is replaced by another, twice. Raises WorkElsewhereError where fewer
    than `FEWEST` can be measured.
    """
    speeds: list[ProcessSpeed] = []
    disturbed = 0
    while len(speeds) < MOST and not enough(speeds):
        try:
            speeds.append(processes.speed(label, seconds / MOST))
        except DisturbedWorkError:
            disturbed += 1
            if disturbed <= _MOST_REPLACED:
                continue
            if len(speeds) < FEWEST:
                raise
            break
    return tuple(speeds)
