import random
import time

import pytest

from pytest_cpuperf.measure.latency import calls_needed, measure_latency, quantile
from pytest_cpuperf.measure.sequential import Patience
from pytest_cpuperf.reports.sentences import sentence
from pytest_cpuperf.results.verdicts import Verdict


def sometimes_slow(seconds, slow_seconds, every):
    """Return work whose every n-th call is slow, by the clock."""
    calls = iter(range(10**9))

    def work():
        end = time.perf_counter() + (slow_seconds if next(calls) % every == 0 else seconds)
        while time.perf_counter() < end:
            pass

    return work


@pytest.mark.parametrize(("p", "alpha", "calls"), [(0.9, 0.05, 36), (0.99, 0.01, 528), (0.5, 0.05, 6), (0.1, 0.05, 36)])
def test_so_many_calls_an_interval_needs(p, alpha, calls):
    assert calls_needed(p, alpha) == calls
    assert p**calls <= alpha / 2 or (1 - p) ** calls <= alpha / 2
    quantile(range(calls), p, alpha)
    with pytest.raises(ValueError, match=f"needs {calls} values"):
        quantile(range(calls - 1), p, alpha)


@pytest.mark.parametrize(
    ("p", "n"), [(0.1, 60), (0.1, 1500), (0.5, 60), (0.5, 300), (0.9, 60), (0.9, 300), (0.9, 1500), (0.99, 1500)]
)
def test_the_interval_is_scipys_or_a_step_wider(p, n):
    stats = pytest.importorskip("scipy.stats")
    alpha = 0.05
    rng = random.Random(n)
    values = [rng.lognormvariate(0, 1) for _ in range(n)]
    _, low, high = quantile(values, p, alpha)
    theirs = stats.quantile_test(values, p=p).confidence_interval(confidence_level=1 - alpha)
    ordered = sorted(values)
    assert abs(ordered.index(low) - ordered.index(theirs.low)) <= 1
    assert abs(ordered.index(high) - ordered.index(theirs.high)) <= 1


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng = random.Random(7)
    held = 0
    for _ in range(400):
        _, low, high = quantile([rng.random() for _ in range(100)], 0.9, 0.05)
        held += low <= 0.9 <= high
    assert held / 400 >= 0.93


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
    assert sentence(outcome.reason).startswith("p99 at 95% needs 368 calls of 0.02 s: max_seconds is 1, about ")
