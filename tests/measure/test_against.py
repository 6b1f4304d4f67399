"""How pairs of fresh processes share the time there is, by a clock that the simulated processes turn."""

import contextlib
import random

import pytest

from pytest_cpuperf.measure import against, blocks
from pytest_cpuperf.measure.against import measure_against
from pytest_cpuperf.measure.blocks import SelfTimedWork
from pytest_cpuperf.measure.sequential import Patience
from pytest_cpuperf.measure.staged import MOST_PROCESSES


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


class SimulatedProcesses:
    """The same code on both sides, in processes whose blocks vary."""

    name = "then"

    def __init__(self, clock, deviation):
        self._clock = clock
        self._random = random.Random(5)
        self._deviation = deviation
        self.asked = 0

    @contextlib.contextmanager
    def fresh(self, label):
        self.asked += 1
        yield SimulatedWork(self._clock, self._block_seconds), SimulatedWork(self._clock, self._block_seconds)

    def _block_seconds(self, calls):
        return calls * 0.002 * self._random.lognormvariate(0, self._deviation)


class SimulatedWork(SelfTimedWork):
    def __init__(self, clock, seconds):
        self._clock = clock
        self._seconds = seconds

    def time_block(self, calls, until=float("inf")):
        seconds = self._seconds(calls)
        self._clock.seconds += seconds
        return seconds


@pytest.mark.parametrize(("deviation", "processes"), [(0.01, 2), (0.5, MOST_PROCESSES)])
def test_there_is_time_for_all_processes_however_noisy_each_is(monkeypatch, deviation, processes):
    clock = Clock()
    for module in (against, blocks):
        monkeypatch.setattr(module, "now", clock)
    others = SimulatedProcesses(clock, deviation)
    record = measure_against("it", others, Patience(max_seconds=20), ())
    assert others.asked == processes
    assert record.seconds_spent <= 21
