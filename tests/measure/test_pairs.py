"""The measuring loop on real, short work."""

import gc
import itertools
import math
import random
import time

import pytest

from pytest_cpuperf.machine.evidence import Watch
from pytest_cpuperf.measure import blocks
from pytest_cpuperf.measure.blocks import WarmUp, time_block, warm_up
from pytest_cpuperf.measure.estimate import hodges_lehmann
from pytest_cpuperf.measure.looks import plan_pair_looks
from pytest_cpuperf.measure.pairs import (
    FEWEST_FOR_A_FIGURE,
    Quantity,
    also_estimate,
    changed_speed,
    measure_pairs,
    speedup,
    time_pair,
)
from pytest_cpuperf.measure.sequential import Patience, SequentialRun
from pytest_cpuperf.reports.sentences import sentence
from pytest_cpuperf.results.evidence import Disturbance, DisturbanceKind, Evidence
from pytest_cpuperf.results.measurements import Pair
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Verdict


def spin(milliseconds):
    """Return work that takes this long by the clock: its speed is known, whatever the machine."""

    def work():
        end = time.perf_counter() + milliseconds / 1000
        while time.perf_counter() < end:
            pass

    return work


def ratio(at_least):
    return Quantity(speedup, Unit("×"), at_least)


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
    assert "max_seconds is 2" in sentence(outcome.reason)
    assert outcome.estimate is None


def pairs_until_clear(carried):
    """Return after how many pairs of a steady candidate and a moody baseline a measurement without a budget ends."""
    run = SequentialRun(Quantity(lambda p: 1 / p.candidate_seconds, Unit("1/s"), None, carried=carried), LOOKS, 0.95)
    while run.verdict is None:
        n = len(run.evidence)
        run.add([Pair(1.0 + n % 3 / 1000, 1.1 if n % 2 else 1.0, n % 2 == 0, QUIET)], QUIET)
    return len(run.clean)


def test_without_a_budget_what_is_stored_must_be_clear_too():
    first = next(look.count for look in LOOKS if look.count >= FEWEST_FOR_A_FIGURE)
    assert pairs_until_clear(None) == first > LOOKS[0].count
    assert pairs_until_clear(speedup) > first


def test_what_cannot_be_decided_tells_the_smallest_difference_that_could_have_been_seen():
    run = SequentialRun(ratio(1.0), plan_pair_looks(64, 0.05), 0.95)
    while run.verdict is None:
        n = len(run.evidence)
        run.add([Pair(1.1 if n % 3 else 0.8, 1.0, n % 2 == 0, QUIET)], QUIET)
    verdict, reason = run.conclude(lambda: pytest.fail("there were enough"))
    assert verdict is Verdict.INCONCLUSIVE
    assert (
        f"a difference of less than {run.estimate.smallest_difference:.1%} cannot be resolved here and now"
        in sentence(reason)
    )


def test_rare_slow_blocks_are_no_pass():
    """One block in ten takes twice as long: most pairs are equal, and the whole takes 10 % more."""
    run = SequentialRun(ratio(0.95), plan_pair_looks(160, 0.05), 0.95)
    rng = random.Random(2)
    while run.verdict is None:
        n = len(run.evidence)
        slow = 2.0 if n % 10 == 4 else 1.0
        run.add([Pair(slow * rng.gauss(1, 0.01), rng.gauss(1, 0.01), n % 2 == 0, QUIET)], QUIET)
    verdict, reason = run.conclude(lambda: pytest.fail("there were enough"))
    assert run.estimate.low > 0.95, "the centre alone would pass"
    assert verdict is Verdict.INCONCLUSIVE
    assert "all together on the other (0.9" in sentence(reason)


def test_the_confidence_told_is_that_of_all_looks_and_other_figures_hold_as_surely():
    outcome = measure_pairs(spin(5), spin(10), ratio(1.5), Patience(max_seconds=10, confidence=0.9), ())
    other = also_estimate(outcome, lambda p: 1 / p.candidate_seconds, Unit("1/s"))
    assert outcome.estimate.confidence == other.confidence == 0.9
    assert outcome.alpha < 0.1 / 2, "one look has a part of the error"
    as_wide = hodges_lehmann([-math.log(p.candidate_seconds) for p in outcome.pairs], outcome.alpha)
    assert (other.low, other.high) == pytest.approx((math.exp(as_wide[1]), math.exp(as_wide[2])))


NEIGHBOUR = Evidence(wall_seconds=0.1, own_seconds=0.1, disturbance=Disturbance(DisturbanceKind.WAITING, 0.4))


def disturbed_run(quantity, speed):
    """Return a measurement of a candidate of a known speed on a machine that disturbs every pair."""
    run = SequentialRun(quantity, plan_pair_looks(160, 0.05), 0.95)
    rng = random.Random(4)
    while run.verdict is None and len(run.measured) < 160:
        slowed = [rng.uniform(1, 1.8), rng.uniform(1, 1.8)]
        n = len(run.measured)
        run.add([Pair(slowed[0] / speed, slowed[1], n % 2 == 0, NEIGHBOUR)], NEIGHBOUR)
    return run


@pytest.mark.parametrize(
    ("budget", "speed", "verdict"), [(2.0, 0.2, Verdict.FAIL), (0.95, 4.0, Verdict.PASS), (0.95, 0.8, None)]
)
def test_on_a_busy_machine_a_ratio_that_is_far_away_is_decided(budget, speed, verdict):
    run = disturbed_run(ratio(budget), speed)
    assert run.verdict is verdict
    assert (len(run.measured) < 40) is (verdict is not None)
    if verdict is not None:
        assert "too far away for that to explain it" in sentence(run.conclude(lambda: pytest.fail("enough"))[1])


@pytest.mark.parametrize(("budget", "verdict"), [(3.0, Verdict.INCONCLUSIVE), (0.3, Verdict.PASS)])
def test_on_a_busy_machine_a_rate_can_pass_and_not_fail(budget, verdict):
    rate = Quantity(lambda p: 1 / p.candidate_seconds, Unit("1/s"), budget, disturbance_only_slows=True)
    assert disturbed_run(rate, 1.0).conclude(lambda: pytest.fail("enough"))[0] is verdict


@pytest.mark.parametrize(("budget", "verdict"), [(10.0, Verdict.FAIL), (1.0, Verdict.PASS), (2.4, None)])
def test_calls_too_long_for_an_interval_are_judged_where_the_budget_is_far(budget, verdict):
    rate = Quantity(lambda p: 1 / p.candidate_seconds, Unit("1/s"), budget)
    outcome = measure_pairs(spin(400), spin(10), rate, Patience(max_seconds=3), ())
    assert outcome.verdict is (verdict or Verdict.INCONCLUSIVE)
    if verdict is None:
        assert "max_seconds is 3" in sentence(outcome.reason)


def test_one_block_that_stalled_decides_nothing():
    run = SequentialRun(ratio(0.95), plan_pair_looks(160, 0.05), 0.95)
    rng = random.Random(2)
    while run.verdict is None:
        n = len(run.evidence)
        run.add([Pair(20.0 if n == 3 else rng.gauss(1, 0.01), rng.gauss(1, 0.01), n % 2 == 0, QUIET)], QUIET)
    assert run.verdict is Verdict.PASS


def test_blocks_are_long_where_the_clock_is_slow(monkeypatch):
    warm = WarmUp(calls=1, seconds=1.0, seconds_per_call=0.001, steady=True)
    assert [warm.calls_in(seconds) for seconds in (0.01, 0.05)] == [10, 50]
    assert warm.calls_per_block == 50
    ticks = itertools.count()
    monkeypatch.setattr("pytest_cpuperf.measure.blocks.now", lambda: next(ticks) * 1e-5)
    blocks._shortest_seconds.cache_clear()
    calls = warm.calls_in(0.01)
    blocks._shortest_seconds.cache_clear()
    assert calls == pytest.approx(200, abs=1), "reading it twice is a ten-thousandth of a block"


def test_the_sides_of_a_pair_take_turns_within_their_blocks():
    order = []
    time_pair(lambda: order.append("a"), 6, lambda: order.append("b"), 4, True, Watch(()), (), math.inf, 3)
    assert "".join(order) == "aabbaaaabb"
    order.clear()
    time_pair(lambda: order.append("a"), 2, lambda: order.append("b"), 1, False, Watch(()), (), math.inf, 3)
    assert "".join(order) == "baa", "no more turns than there are calls"


def test_blocks_begin_short_and_get_longer():
    calls = []
    outcome = measure_pairs(
        lambda: calls.append("a") or time.sleep(0.001), lambda: calls.append("b") or time.sleep(0.001), ratio(1.0),
        Patience(max_seconds=12), (),
    )  # fmt: skip
    lengths = [len(list(group)) for _, group in itertools.groupby(calls)]
    assert outcome.calls_per_block <= 10
    assert max(lengths[-4:]) <= 20, "turns of 10 ms, in blocks of 50"
    seconds = [p.evidence.wall_seconds for p in outcome.pairs]
    assert seconds[0] < 0.05 < seconds[-1]


def test_a_disturbed_machine_is_inconclusive_and_says_what_disturbed_it(monkeypatch):
    real = Watch.between

    def disturbed(self, first, last):
        from dataclasses import replace

        return replace(real(self, first, last), disturbance=Disturbance(DisturbanceKind.WAITING, 0.4))

    monkeypatch.setattr(Watch, "between", disturbed)
    outcome = measure_pairs(spin(5), spin(5), ratio(0.5), Patience(max_seconds=2), ())
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "pairs were set aside: other processes kept it waiting for 40% of its time" in sentence(outcome.reason)
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


QUIET = Evidence(wall_seconds=0.1, own_seconds=0.1)
LOOKS = plan_pair_looks(64, 0.05)


def drifting_blocks(generator, drift, memory, tails):
    """Yield what multiplies the seconds of each block: a machine that warms up, has moods, and is jolted."""
    mood, time_of_day = 0.0, 0.0
    while True:
        mood = memory * mood + generator.gauss(0, 0.03)
        time_of_day += drift
        jolt = generator.paretovariate(1.5) * 0.05 if generator.random() < tails else 0.0
        yield math.exp(mood + time_of_day) + jolt


@pytest.mark.parametrize(
    ("drift", "memory", "tails"),
    [(0.0, 0.0, 0.0), (0.004, 0.0, 0.0), (-0.004, 0.95, 0.0), (0.0, 0.95, 0.1), (0.002, 0.99, 0.2)],
    ids=["independent", "drifting", "drifting and autocorrelated", "heavy-tailed", "all of it"],
)
def test_false_alarms_stay_rare_on_noise_that_drifts_remembers_and_jolts(drift, memory, tails):
    """600 comparisons of identical work against 0.95, decided as measure_pairs decides: at most 1 % fail."""
    generator = random.Random(20261124)
    found = dict.fromkeys(Verdict, 0)
    for _ in range(600):
        blocks = drifting_blocks(generator, drift, memory, tails)
        run = SequentialRun(ratio(0.95), plan_pair_looks(64, 0.05), 0.95)
        while run.verdict is None:
            first = len(run.evidence) % 2 == 0
            one, other = next(blocks), next(blocks)
            run.add([Pair(one, other, first, QUIET) if first else Pair(other, one, first, QUIET)], QUIET)
        found[run.verdict] += 1
    assert found[Verdict.FAIL] <= 6
    assert found[Verdict.PASS] >= 300, "and most are told to be fine"


def test_a_tenth_more_work_is_never_passed_in_such_noise():
    generator = random.Random(20261125)
    found = dict.fromkeys(Verdict, 0)
    for _ in range(600):
        blocks = drifting_blocks(generator, 0.002, 0.99, 0.2)
        run = SequentialRun(ratio(0.95), plan_pair_looks(64, 0.05), 0.95)
        while run.verdict is None:
            first = len(run.evidence) % 2 == 0
            one, other = next(blocks), next(blocks)
            pair = (1.1 * one, other) if first else (1.1 * other, one)
            run.add([Pair(*pair, first, QUIET)], QUIET)
        found[run.verdict] += 1
    assert found[Verdict.PASS] <= 6
    assert found[Verdict.FAIL] >= 300


def test_a_function_that_changes_its_own_speed_is_told_from_noise():
    generator = random.Random(1)

    def pairs(later):
        return tuple(
            Pair((later if n >= 12 else 1.0) * generator.uniform(0.97, 1.03), 1.0, n % 2 == 0, QUIET) for n in range(24)
        )

    assert changed_speed(pairs(0.5)) == pytest.approx(2.0, rel=0.1)
    assert changed_speed(pairs(1.4)) == pytest.approx(1 / 1.4, rel=0.1)
    assert changed_speed(pairs(1.0)) is None
    assert changed_speed(pairs(0.5)[6:16]) is None, "too few to tell"
