"""Figures of fresh processes: how two sets of them are held against each other, and what becomes of disturbed ones."""

import math
import random

import pytest

from pytest_cpuperf.measure.blocks import DisturbedWorkError, WorkElsewhereError
from pytest_cpuperf.measure.processes import MOST, measured_speeds, ratio_of_processes, speed_in_this_process
from pytest_cpuperf.measure.stored import judge_processes
from pytest_cpuperf.results.measurements import ProcessSpeed
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Verdict


def speeds(rng, spread, times_as_fast=1.0):
    return [ProcessSpeed(times_as_fast * rng.lognormvariate(0, spread), 12, "kernel") for _ in range(MOST)]


def ratio(head, base, alpha=0.05):
    return ratio_of_processes(head, base, alpha, Unit("×"), 24, 1 - alpha)


@pytest.mark.parametrize("spread", [0.005, 0.015, 0.025, 0.05])
def test_the_interval_holds_the_true_ratio_as_often_as_it_says(spread):
    rng = random.Random(1)
    held = 0
    for _ in range(1000):
        head, base = ([s.speed for s in speeds(rng, spread, f)] for f in (0.9, 1.0))
        estimate = ratio(head, base).estimate
        held += estimate.low <= 0.9 <= estimate.high
    assert 0.93 <= held / 1000 <= 0.97


@pytest.mark.parametrize("spread", [0.005, 0.015, 0.025, 0.05])
def test_the_same_code_does_not_fail_and_what_is_much_slower_does_not_pass(spread):
    rng = random.Random(2)
    same = [judge_processes(speeds(rng, spread), speeds(rng, spread), 0.95, 0.95, Unit())[0] for _ in range(1000)]
    slower = [
        judge_processes(speeds(rng, spread, 1 / 1.1), speeds(rng, spread), 0.95, 0.95, Unit()) for _ in range(1000)
    ]
    assert same.count(Verdict.FAIL) <= 5
    assert [verdict for verdict, _, _ in slower].count(Verdict.PASS) <= 5
    if spread <= 0.015:
        assert same.count(Verdict.PASS) >= 950
        assert [verdict for verdict, _, _ in slower].count(Verdict.FAIL) >= 850
        assert min(used for _, _, used in slower) == 3, "a clear case is decided by the first processes"


def test_one_process_against_one_is_as_unsure_as_such_processes_differ():
    found = ratio([1.0], [1.0])
    assert found.spread == 0.025
    assert math.log(found.estimate.high) == pytest.approx(1.96 * 0.025 * math.sqrt(2), rel=0.001)
    assert ratio([1.0, 1.2], [1.0, 1.2]).spread > 0.1, "two that differ more than is usual are believed"


class Processes:
    """Fresh processes, of which some are disturbed."""

    def __init__(self, *disturbed):
        self.disturbed = disturbed
        self.seconds = []

    def speed(self, label, seconds):
        self.seconds.append(seconds)
        if len(self.seconds) in self.disturbed:
            raise DisturbedWorkError("of 9 pairs 1 was undisturbed")
        return ProcessSpeed(1.0, 12, "kernel")


def never(speeds):
    return False


def test_a_disturbed_process_is_replaced_and_two_and_no_more():
    assert len(measured_speeds("encode", Processes(), 12.0, never)) == MOST
    processes = Processes(1, 4)
    assert len(measured_speeds("encode", processes, 12.0, never)) == MOST
    assert processes.seconds == [2.0] * (MOST + 2)
    assert len(measured_speeds("encode", Processes(4, 5, 6), 12.0, never)) == 3
    with pytest.raises(WorkElsewhereError, match="1 was undisturbed"):
        measured_speeds("encode", Processes(2, 3, 4), 12.0, never)


def test_no_more_are_asked_than_are_enough():
    processes = Processes()
    assert len(measured_speeds("encode", processes, 12.0, lambda found: len(found) == 3)) == 3
    assert len(processes.seconds) == 3


def test_a_function_that_takes_twice_as_long_has_half_the_speed():
    def work(times):
        return lambda: [sum(range(9999)) for _ in range(times)]

    one, two = (speed_in_this_process(work(times), 3.0, ()) for times in (10, 20))
    assert one.speed / two.speed == pytest.approx(2, rel=0.3)
    assert one.reference == two.reference
    assert one.pairs >= 3
