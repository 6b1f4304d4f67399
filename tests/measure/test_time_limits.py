"""Limits hold inside blocks, too: functions that become slow, hang for a while, or whose clock stands still."""

import itertools
import math
import threading
import time
from dataclasses import replace

import pytest

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.measure.blocks import TimeOverError, time_block, warm_up
from pytest_cpuperf.measure.latency import measure_latency
from pytest_cpuperf.measure.looks import PlannedLook
from pytest_cpuperf.measure.pairs import Blocks, Quantity, measure_pairs, speedup
from pytest_cpuperf.measure.sequential import Patience
from pytest_cpuperf.reports.sentences import sentence
from pytest_cpuperf.results.evidence import Evidence
from pytest_cpuperf.results.measurements import Pair
from pytest_cpuperf.results.remarks.measuring import TimeOver, TooFewPairs
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Verdict

SPEEDUP = Quantity(speedup, Unit("×"), None)
SECONDS = 1.0
SLOW_SECONDS = 0.01
# How many slow calls fit, with as much again for what comes on top; a block of quick calls has thousands of them.
MOST_SLOW_CALLS = 2 * SECONDS / SLOW_SECONDS


class Slowing:
    """A function that becomes slow some calls after the first block for a verdict has begun, or from some call on."""

    def __init__(self, quick_seconds=0.0, from_call=math.inf):
        self.quick_seconds, self.slow_from = quick_seconds, from_call
        self.calls = 0

    def __call__(self):
        self.calls += 1
        if self.calls > self.slow_from:
            time.sleep(SLOW_SECONDS)
        elif self.quick_seconds:
            time.sleep(self.quick_seconds)

    def on_progress(self, *_):
        self.slow_from = min(self.slow_from, self.calls + 2)

    @property
    def slow_calls(self):
        return max(0, self.calls - self.slow_from)

    @property
    def patience(self):
        return Patience(max_seconds=SECONDS, progress=self.on_progress)


SLOWING = [
    pytest.param(Slowing, id="thousands of calls in a block"),
    pytest.param(lambda: Slowing(quick_seconds=0.0002), id="a few calls in a block"),
    pytest.param(lambda: Slowing(from_call=20_000), id="while it warms up"),
]


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch):
    """Pairs enough for a verdict fit into little time."""
    monkeypatch.setattr("pytest_cpuperf.measure.pairs.BLOCKS", (Blocks(160, 0.005, 1),))


@pytest.mark.parametrize("make", SLOWING)
@pytest.mark.parametrize("candidate", [True, False])
def test_a_side_that_becomes_slow_is_cut_and_that_is_said(make, candidate):
    function = make()
    sides = (function, lambda: None) if candidate else (lambda: None, function)
    outcome = measure_pairs(*sides, SPEEDUP, function.patience, ())
    assert 0 < function.slow_calls < MOST_SLOW_CALLS
    assert outcome.verdict is Verdict.INCONCLUSIVE
    said = [r for r in (outcome.reason, *outcome.notes) if isinstance(r, (TimeOver, TooFewPairs))]
    assert "became slower" in sentence(said[0])


@pytest.mark.parametrize("make", SLOWING)
def test_latency_of_a_function_that_becomes_slow_ends_in_time(make):
    function = make()
    measure_latency(function, 0.5, None, function.patience, ())
    assert 0 < function.slow_calls < MOST_SLOW_CALLS


@pytest.mark.parametrize("measure", ["pairs", "latency"])
def test_a_call_longer_than_the_time_runs_once_and_is_let_finish(measure):
    function, baseline = Slowing(0.1), Slowing(0.1)
    if measure == "pairs":
        outcome = measure_pairs(function, baseline, SPEEDUP, Patience(max_seconds=0.05), ())
    else:
        outcome = measure_latency(function, 0.9, None, Patience(max_seconds=0.05), ())
    assert (function.calls, baseline.calls) == (1, 0)
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert sentence(outcome.reason).startswith("a single call takes 0.1")


def test_there_is_no_verdict_from_the_pairs_before_the_one_that_was_cut(monkeypatch):
    """Pairs so far are clear, and time is over before the next look; then the function hangs."""
    quiet = Evidence(wall_seconds=0.1, own_seconds=0.1, cpus=1)
    numbers = itertools.count()

    def time_pair(*_, **__):
        if next(numbers) == 12:
            raise TimeOverError(50, 1.0)
        return Pair(1.0, 2.0, True, quiet)

    monkeypatch.setattr("pytest_cpuperf.measure.pairs.time_pair", time_pair)
    monkeypatch.setattr("pytest_cpuperf.measure.pairs.plan_pair_looks", lambda *_: (PlannedLook(20, 0.05, 0.05),))
    outcome = measure_pairs(lambda: None, lambda: None, replace(SPEEDUP, at_least=1.5), Patience(max_seconds=3), ())
    assert len(outcome.pairs) == 12
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert outcome.reason == TimeOver(50, 1.0, 3)


@pytest.mark.parametrize("calls", [10, 1000])
def test_a_block_in_time_is_whole_and_leaves_no_thread(calls):
    function = Slowing()
    threads = threading.active_count()
    assert time_block(function, calls, until=time.perf_counter() + 60) > 0
    assert function.calls == calls
    assert threading.active_count() == threads


@pytest.mark.parametrize("calls", [40, 4000])
def test_a_block_is_cut_between_two_calls(calls):
    function = Slowing(quick_seconds=0.02)
    with pytest.raises(TimeOverError):
        time_block(function, calls, until=time.perf_counter() + 0.05)
    assert 1 <= function.calls < 20


@pytest.mark.parametrize("calls", [10, 1000])
def test_what_a_function_raises_in_a_watched_block_is_let_through(calls):
    with pytest.raises(ZeroDivisionError):
        time_block(lambda: 1 / 0, calls, until=time.perf_counter() + 60)


def test_a_clock_that_stands_still_is_an_error_and_no_endless_loop(monkeypatch):
    monkeypatch.setattr("pytest_cpuperf.measure.blocks.now", lambda: 5.0)
    with pytest.raises(UsageError, match="stands still"):
        warm_up(lambda: None, 0.1)
