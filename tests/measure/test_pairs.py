"""The measuring loop on real, short work."""

import gc
import time

import pytest

from pytest_cpuperf.machine.evidence import Watch
from pytest_cpuperf.measure.blocks import time_block, warm_up
from pytest_cpuperf.measure.pairs import Patience, Quantity, measure_pairs, speedup
from pytest_cpuperf.results.records import Verdict


def spin(milliseconds):
    """Return work that takes this long by the clock: its speed is known, whatever the machine."""

    def work():
        end = time.perf_counter() + milliseconds / 1000
        while time.perf_counter() < end:
            pass

    return work


def ratio(at_least):
    return Quantity(speedup, "×", at_least)


def test_twice_as_fast_is_told_apart_early():
    outcome = measure_pairs(spin(5), spin(10), ratio(1.5), Patience(max_seconds=10), ())
    assert outcome.verdict is Verdict.PASS
    assert outcome.estimate.low <= 2.0 <= outcome.estimate.high * 1.02
    assert outcome.seconds_spent < 9, "a clear case ends before its time is over"
    assert {p.candidate_first for p in outcome.pairs} == {True, False}


def test_half_as_fast_fails():
    outcome = measure_pairs(spin(10), spin(5), ratio(0.95), Patience(max_seconds=8), ())
    assert outcome.verdict is Verdict.FAIL


def test_work_too_slow_for_the_time_is_inconclusive_and_says_what_it_needs():
    outcome = measure_pairs(spin(300), spin(300), ratio(1.0), Patience(max_seconds=2), ())
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "max_seconds is 2" in outcome.reason
    assert outcome.estimate is None


def test_a_disturbed_machine_is_inconclusive_and_says_what_disturbed_it(monkeypatch):
    real = Watch.between

    def disturbed(self, first, last):
        from dataclasses import replace

        return replace(real(self, first, last), disturbance="other processes kept it waiting for 40% of its time")

    monkeypatch.setattr(Watch, "between", disturbed)
    outcome = measure_pairs(spin(5), spin(5), ratio(0.5), Patience(max_seconds=2), ())
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "pairs were set aside: other processes kept it waiting for 40% of its time" in outcome.reason
    assert outcome.pairs == ()
    assert outcome.set_aside


def test_what_the_work_raises_comes_out_and_garbage_collection_is_back():
    calls = []

    def fails_later():
        calls.append(1)
        if len(calls) > 20:
            raise RuntimeError("out of memory, say")

    with pytest.raises(RuntimeError, match="out of memory, say"):
        measure_pairs(fails_later, spin(1), ratio(1.0), Patience(max_seconds=5), ())
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_warm_up_waits_until_calls_stop_getting_faster():
    durations = iter([40, 35, 30, 25, 20, 15] + [10] * 1000)
    warm = warm_up(lambda: spin(next(durations))(), cap_seconds=5)
    assert warm.steady
    assert warm.calls >= 9
    assert warm.seconds_per_call == pytest.approx(0.010, rel=0.2)


def test_a_call_under_the_timers_resolution_gets_long_blocks():
    warm = warm_up(lambda: None, cap_seconds=1)
    assert warm.calls_per_block > 10_000
    assert time_block(lambda: None, warm.calls_per_block) > 0.01
