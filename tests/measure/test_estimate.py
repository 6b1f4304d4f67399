import itertools
import math
import random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cpuperf.measure.estimate import hodges_lehmann, lower_rank, smallest_count
from pytest_cpuperf.measure.looks import plan_pair_looks, spent
from pytest_cpuperf.measure.pairs import judge
from pytest_cpuperf.results.verdicts import Estimate, Verdict


def test_point_is_the_median_of_the_walsh_averages():
    values = [3.0, 1.0, 4.0, 1.5, 9.0, 2.6]
    walsh = [(a + b) / 2 for a, b in itertools.combinations_with_replacement(values, 2)]
    assert hodges_lehmann(values, 0.05)[0] == pytest.approx(median(walsh))


@pytest.mark.parametrize(
    ("n", "alpha"), [(6, 0.05), (8, 0.05), (12, 0.05), (15, 0.01), (25, 0.05), (49, 0.02), (80, 0.05)]
)
def test_interval_holds_what_the_signed_rank_test_does_not_reject(n, alpha):
    """An interval from a test holds exactly the centres that scipy's test does not reject at that level."""
    wilcoxon = pytest.importorskip("scipy.stats").wilcoxon
    rng = random.Random(n)
    values = [rng.gauss(0.1, 1) for _ in range(n)]
    _, low, high = hodges_lehmann(values, alpha)
    method = "exact" if n <= 50 else "approx"
    step = 1e-9
    for centre, inside in ((low + step, True), (low - step, False), (high - step, True), (high + step, False)):
        p = wilcoxon([v - centre for v in values], method=method).pvalue
        if n > 50 and abs(p - alpha) < 0.002:
            continue  # at the edge the approximations round differently
        assert (p > alpha) == inside


def test_interval_covers_as_often_as_it_says():
    rng = random.Random(20261123)
    covered = 0
    for _ in range(2000):
        _, low, high = hodges_lehmann([rng.gauss(0, 1) for _ in range(12)], 0.05)
        covered += low <= 0 <= high
    assert covered / 2000 == pytest.approx(0.95, abs=0.015)


@given(st.lists(st.floats(-5, 5), min_size=8, max_size=20), st.floats(-3, 3))
def test_shifts_with_the_data_and_holds_its_point(values, shift):
    point, low, high = hodges_lehmann(values, 0.05)
    assert low <= point <= high
    moved = hodges_lehmann([v + shift for v in values], 0.05)
    assert moved == pytest.approx((point + shift, low + shift, high + shift), abs=1e-9)


def test_too_few_values_are_refused():
    assert smallest_count(0.05) == 6
    with pytest.raises(ValueError, match="needs 6 values, found 5"):
        hodges_lehmann([1.0] * 5, 0.05)


@pytest.mark.parametrize("planned", [0, 5, 6, 7, 8, 20, 64, 100, 160])
@pytest.mark.parametrize("alpha", [0.1, 0.05, 0.01])
def test_looks_end_at_the_plan_and_each_has_pairs_enough(planned, alpha):
    looks = plan_pair_looks(planned, alpha)
    if planned < smallest_count(alpha):
        assert looks == ()
        return
    assert looks[-1].count == planned
    assert all(look.count >= smallest_count(look.alpha) for look in looks)
    assert all(look.alpha <= look.left <= alpha for look in looks)


@pytest.mark.parametrize("planned", [12, 30, 64, 160])
def test_intervals_of_all_looks_together_miss_the_truth_as_rarely_as_said(planned):
    """1,000 measurements without a difference, in noise of three shapes: some look is wrong in 5 % of them at most."""
    rng = random.Random(planned)
    looks = plan_pair_looks(planned, 0.05)
    shapes = [lambda: rng.gauss(0, 1), lambda: rng.uniform(-1, 1) ** 5, lambda: math.tan(rng.uniform(-1.5, 1.5))]
    wrong = 0
    for n in range(1000):
        values = [shapes[n % 3]() for _ in range(planned)]
        wrong += any(outside(values[: look.count], look.alpha) for look in looks)
    # 3.1 standard deviations above 50.
    assert 5 <= wrong <= 71


def outside(values, alpha):
    """Return whether the interval does not hold 0, by the signed-rank test that it is the inverse of."""
    ranked = sorted(values, key=abs)
    above = sum(rank for rank, value in enumerate(ranked, 1) if value > 0)
    n = len(values)
    return min(above, n * (n + 1) // 2 - above) <= lower_rank(n, alpha)


def test_the_test_that_is_the_inverse_of_the_interval_is_that():
    rng = random.Random(1)
    for n in (8, 20, 60):
        for _ in range(100):
            values = [rng.gauss(0.5, 1) for _ in range(n)]
            _, low, high = hodges_lehmann(values, 0.02)
            assert outside(values, 0.02) is (low > 0 or high < 0)


def test_spending_starts_at_nothing_and_ends_at_alpha():
    assert spent(0, 0.05) == 0
    assert spent(1, 0.05) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("low", "high", "budget", "verdict"),
    [
        (1.0, 1.2, 1.0, Verdict.PASS),
        (0.8, 0.9, 1.0, Verdict.FAIL),
        (0.9, 1.1, 1.0, Verdict.INCONCLUSIVE),
        (0.9, 1.1, None, Verdict.NO_BUDGET),
    ],
)
def test_verdict_has_three_states(low, high, budget, verdict):
    assert judge(Estimate((low + high) / 2, low, high, "×", 0.95, 10), budget) is verdict


def test_resolution_is_the_difference_that_is_found_95_times_in_100():
    """Of 500 measurements whose truth is that far below the budget, about 475 end below it."""
    rng = random.Random(3)
    spread, n = 0.03, 64
    half = 2.0 * spread / math.sqrt(n)
    difference = Estimate(1.0, math.exp(-half), math.exp(half), "×", 0.95, n).smallest_difference
    truth = 1 / (1 + difference)
    found = 0
    for _ in range(500):
        logs = [math.log(truth) + rng.gauss(0, spread) for _ in range(n)]
        found += hodges_lehmann(logs, 0.05)[2] < 0
    assert 455 <= found <= 497


def test_identical_work_in_heavy_tailed_noise_raises_no_false_alarm():
    """400 comparisons of identical work against 0.95, looked at as planned: at most 1 % may fail."""
    rng = random.Random(5)
    failed = 0
    for _ in range(400):
        logs = [rng.gauss(0, 0.05) + (rng.random() < 0.1) * rng.uniform(-1, 1) for _ in range(64)]
        for look in plan_pair_looks(64, 0.05):
            point, low, high = (math.exp(v) for v in hodges_lehmann(logs[: look.count], look.alpha))
            verdict = judge(Estimate(point, low, high, "×", 0.95, look.count), 0.95)
            if verdict is not Verdict.INCONCLUSIVE:
                break
        failed += verdict is Verdict.FAIL
    assert failed <= 4
