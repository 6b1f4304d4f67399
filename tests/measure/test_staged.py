"""Deciding between "as fast" and "slower" from pairs of processes: by simulation, through the code that judges."""

import math
import random

import pytest

from pytest_cpuperf.measure.staged import MOST_PROCESSES, STAGES, decide, estimate
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Verdict


def verdict_of(draw):
    """Return the verdict of pairs of processes whose log speedups are drawn until something is decided."""
    logs = []
    while (decision := decide(logs)) is None:
        logs.append(draw())
    return decision.verdict


def share(wanted, speedup, spread, runs=3000):
    random_ = random.Random(f"{speedup} {spread}")
    return sum(verdict_of(lambda: math.log(speedup) + random_.gauss(0, spread)) is wanted for _ in range(runs)) / runs


@pytest.mark.parametrize("spread", [0.005, 0.015, 0.025])
def test_the_same_code_passes_and_7_percent_more_work_is_caught(spread):
    assert share(Verdict.FAIL, 1.0, spread) <= 0.002
    assert share(Verdict.FAIL, 1 / 1.07, spread) >= 0.985
    assert share(Verdict.FAIL, 1 / 1.10, spread) >= 0.995


def test_processes_that_differ_by_more_than_is_told_apart_are_inconclusive():
    logs = [0.0, -0.3, 0.1, -0.2, 0.25, -0.1]
    assert [decide(logs[:n]) for n in range(MOST_PROCESSES)] == [None] * MOST_PROCESSES
    assert decide(logs).verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(("odd", "others", "verdict"), [(-0.7, 0.0, Verdict.PASS), (0.7, -0.1, Verdict.FAIL)])
def test_one_odd_process_decides_nothing(odd, others, verdict):
    logs = [odd] + [others] * (MOST_PROCESSES - 1)
    assert decide(logs[:2]) is None
    assert decide(logs).verdict is verdict
    assert decide(logs).by == tuple(range(1, len(logs)))


def test_two_processes_that_agree_by_chance_do_not_make_the_interval_narrow():
    two = estimate([0.01, 0.01], 24, Unit("×"), 0.95)
    six = estimate([0.01] * 6, 72, Unit("×"), 0.95)
    assert two.point == pytest.approx(math.exp(0.01))
    assert (two.high - two.low) == pytest.approx(2 * 1.96 * 0.025 / math.sqrt(2), rel=0.02)
    assert (six.high - six.low) < (two.high - two.low)


def test_stages_leave_nothing_undecided():
    last = STAGES[-1]
    assert last.slower_below == last.as_fast_from
    assert [s.processes for s in STAGES] == sorted({s.processes for s in STAGES})
