import math
import random
import time
from dataclasses import replace

import pytest

from pytest_cpuperf.measure.latency import Percentile, measure_latency
from pytest_cpuperf.measure.looks import plan_looks
from pytest_cpuperf.measure.quantiles import calls_needed
from pytest_cpuperf.measure.sequential import Patience, SequentialRun
from pytest_cpuperf.reports.measurement import how_measured
from pytest_cpuperf.reports.sentences import sentence
from pytest_cpuperf.results.evidence import Disturbance, DisturbanceKind, Evidence
from pytest_cpuperf.results.measurements import CallGroup, LatencyMeasurement
from pytest_cpuperf.results.remarks.measuring import SetAside, TooFewCalls
from pytest_cpuperf.results.verdicts import Verdict


def sometimes_slow(seconds, slow_seconds, every):
    """Return work whose every n-th call is slow, by the clock."""
    calls = iter(range(10**9))

    def work():
        end = time.perf_counter() + (slow_seconds if next(calls) % every == 0 else seconds)
        while time.perf_counter() < end:
            pass

    return work


def test_a_percentile_is_told_from_a_budget_on_either_side():
    def verdict(at_most):
        work = sometimes_slow(0.001, 0.004, every=4)
        return measure_latency(work, 0.9, at_most, Patience(max_seconds=5), ())

    assert verdict(0.006).verdict is Verdict.PASS
    failed = verdict(0.002)
    assert failed.verdict is Verdict.FAIL
    assert failed.estimate.low > 0.002
    assert failed.estimate.pairs >= calls_needed(0.9, 0.05)
    assert failed.seconds_spent < 5


def test_too_little_time_says_how_much_is_needed():
    outcome = measure_latency(sometimes_slow(0.02, 0.02, 9), 0.99, 1.0, Patience(max_seconds=1), ())
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert sentence(outcome.reason).startswith("p99 at 95% needs 420 calls of 0.02 s: max_seconds is 1, about ")


def calls_with_memory(phi, n, seed):
    """Return the seconds of so many calls of about a millisecond, each like the last."""
    rng = random.Random(seed)
    log = rng.gauss(0, 1)
    for _ in range(n):
        yield 0.001 * math.exp(0.1 * log)
        log = phi * log + rng.gauss(0, math.sqrt(1 - phi**2))


QUIET = Evidence(wall_seconds=0.05, own_seconds=0.05)
STOLEN = replace(QUIET, disturbance=Disturbance(DisturbanceKind.HYPERVISOR, 0.4))
TOO_FEW = TooFewCalls(0.99, 0.95, 9000, 0.001, 3, 13.5)


def decided(seconds, p, at_most, quiet_groups=1):
    """Return a measurement of these calls as it ends, where so large a share of the groups is not disturbed."""
    goal = Percentile(p, at_most)
    run = SequentialRun(goal, plan_looks(len(seconds), 0.05, goal.fewest), 0.95)
    for number, start in enumerate(range(0, len(seconds), 50)):
        if run.verdict is None:
            group = seconds[start : start + 50]
            if number % 10 < 10 * quiet_groups:
                run.add(group, QUIET)
            else:
                run.add([1.5 * s for s in group], STOLEN)
    return run


def test_calls_that_depend_on_each_other_are_measured_for_longer():
    alone = decided(list(calls_with_memory(0.0, 20_000, 1)), 0.99, 0.0015)
    alike = decided(list(calls_with_memory(0.9, 20_000, 1)), 0.99, 0.0015)
    assert alone.verdict is alike.verdict is Verdict.PASS
    assert alike.estimate.pairs > alone.estimate.pairs


def test_calls_that_depend_on_each_other_too_much_give_no_interval():
    run = decided(list(calls_with_memory(0.95, 2000, 1)), 0.99, 0.0015)
    assert run.estimate is None
    assert run.conclude(lambda: TOO_FEW) == (Verdict.INCONCLUSIVE, TOO_FEW)


def test_what_more_time_would_not_help_says_so():
    reason = TooFewCalls(0.99, 0.95, 150_000, 0.0001, 30, 22.5)
    assert sentence(reason).endswith("because slow calls come in spells: ask for a lower percentile")


def test_a_budget_that_is_the_truth_is_rarely_decided():
    """Each of 200 passes or fails is an error, at whichever of the planned looks it comes."""
    verdicts = [decided(list(calls_with_memory(0.8, 2000, seed)), 0.5, 0.001).verdict for seed in range(200)]
    assert verdicts.count(Verdict.INCONCLUSIVE) / 200 >= 0.95


@pytest.mark.parametrize(
    ("memory", "quiet_groups"),
    [(0.5, 0), (0.5, 0.1), (0.5, 0.2), (0.95, 0.1)],
    ids=["all disturbed", "too few quiet", "enough quiet, a small part", "quiet ones too dependent"],
)
def test_a_budget_far_above_is_held_on_a_busy_machine_too(memory, quiet_groups):
    run = decided(list(calls_with_memory(memory, 4000, 1)), 0.9, 0.010, quiet_groups)
    verdict, reason = run.conclude(lambda: TOO_FEW)
    assert verdict is Verdict.PASS
    assert run.estimate.point > 0.0015, "the disturbed calls count"
    assert sentence(reason).endswith("were disturbed; with them it passes too, and they can only be slower for it")
    assert "disturbed and counted" in how_measured(record_of(run, verdict, reason))


def test_what_is_disturbed_is_left_out_where_enough_is_quiet():
    run = decided(list(calls_with_memory(0.0, 40_000, 1)), 0.5, 0.010, quiet_groups=0.8)
    assert len(run.clean) < len(run.measured)
    assert run.conclude(lambda: TOO_FEW) == (Verdict.PASS, None)
    assert run.estimate.high < 0.0014


@pytest.mark.parametrize("at_most", [0.0005, 0.0014], ids=["below", "missed because of the disturbance"])
def test_a_busy_machine_fails_no_budget(at_most):
    run = decided(list(calls_with_memory(0.5, 4000, 1)), 0.9, at_most, quiet_groups=0.1)
    verdict, reason = run.conclude(lambda: TOO_FEW)
    assert verdict is Verdict.INCONCLUSIVE
    assert isinstance(reason, SetAside)


def record_of(run, verdict, reason):
    groups = tuple(CallGroup(number, 50, 0.001, evidence) for number, evidence in enumerate(run.evidence))
    return LatencyMeasurement(
        label="p90 latency", verdict=verdict, reason=reason, estimate=run.estimate, budget=None, groups=groups
    )


@pytest.mark.parametrize(
    ("at_most", "verdict"), [(0.1, Verdict.PASS), (0.005, None), (0.0035, None), (0.0005, Verdict.FAIL)]
)
def test_a_budget_far_from_every_call_is_decided_however_they_depend(at_most, verdict):
    calls = [0.001] * 90 + [0.003] * 30  # one spell
    estimate = Percentile(0.9, at_most).estimate(calls, 0.05)
    if verdict is None:
        assert estimate is None
    else:
        assert (estimate.low, estimate.high) == (0.001, 0.003)
        assert Percentile(0.9, at_most).judge(estimate) is verdict
