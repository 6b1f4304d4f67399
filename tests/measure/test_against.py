"""How pairs of fresh processes share the time there is, by a clock that the simulated processes turn."""

import contextlib
import random
from collections import Counter

import pytest

from pytest_cpuperf.measure import against, blocks
from pytest_cpuperf.measure.against import measure_against
from pytest_cpuperf.measure.blocks import SelfTimedWork
from pytest_cpuperf.measure.sequential import Patience
from pytest_cpuperf.measure.staged import MOST_PROCESSES
from pytest_cpuperf.results.remarks.measuring import TotalContradicts
from pytest_cpuperf.results.verdicts import Verdict
from tests.helpers.runs import EVIDENCE


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


class SimulatedProcesses:
    """The same code on both sides, in processes whose blocks vary; on this side some blocks take twice as long."""

    name = "then"

    def __init__(self, clock, deviation, slow_share=0.0, seed=5):
        self._clock = clock
        self._random = random.Random(seed)
        self._deviation = deviation
        self._slow_share = slow_share
        self.asked = 0

    @contextlib.contextmanager
    def fresh(self, label):
        self.asked += 1
        yield SimulatedWork(self._clock, self._seconds_here), SimulatedWork(self._clock, self._seconds)

    def _seconds(self, calls):
        return calls * 0.002 * self._random.lognormvariate(0, self._deviation)

    def _seconds_here(self, calls):
        return self._seconds(calls) * (2 if self._random.random() < self._slow_share else 1)


class SimulatedWork(SelfTimedWork):
    def __init__(self, clock, seconds):
        self._clock = clock
        self._seconds = seconds

    def time_block(self, calls, until=float("inf")):
        seconds = self._seconds(calls)
        self._clock.seconds += seconds
        return seconds


@pytest.fixture
def clock(monkeypatch):
    """The clock of a machine that disturbs nobody: what happens on this one has nothing to do with simulated times."""
    clock = Clock()
    for module in (against, blocks):
        monkeypatch.setattr(module, "now", clock)
    monkeypatch.setattr(against, "garbage_between_blocks", lambda: contextlib.nullcontext(lambda: None))
    monkeypatch.setattr(against.Watch, "read", lambda self: None)
    monkeypatch.setattr(against.Watch, "between", lambda self, before, after: EVIDENCE)
    return clock


@pytest.mark.parametrize(("deviation", "processes"), [(0.01, 2), (0.5, MOST_PROCESSES)])
def test_there_is_time_for_all_processes_however_noisy_each_is(clock, deviation, processes):
    others = SimulatedProcesses(clock, deviation)
    record = measure_against("it", others, Patience(max_seconds=20), ())
    assert others.asked == processes
    assert record.seconds_spent <= 21


def test_rare_slow_blocks_are_seen_by_total_times_and_the_same_code_passes(clock):
    found = {}
    for slow_share in (0.0, 0.1):
        processes = [SimulatedProcesses(clock, 0.01, slow_share, seed) for seed in range(6)]
        records = [measure_against("it", each, Patience(max_seconds=20), ()) for each in processes]
        found[slow_share] = Counter(record.verdict for record in records)
    assert found[0.0] == {Verdict.PASS: 6}
    assert found[0.1][Verdict.INCONCLUSIVE] >= 4
    undecided = [record for record in records if record.verdict is Verdict.INCONCLUSIVE]
    assert all(isinstance(record.reason, TotalContradicts) for record in undecided)
    assert all(record.total == pytest.approx(1 / 1.1, rel=0.05) for record in undecided)
