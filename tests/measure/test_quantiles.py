import math
import random
from statistics import NormalDist, fmean

import pytest

from pytest_cpuperf.measure.quantiles import calls_needed, design_effect, quantile, student_quantile

SPREAD = 0.3


def independent(rng, n):
    return [math.exp(rng.gauss(0, SPREAD)) for _ in range(n)]


def autoregressive(phi):
    """Return what draws values whose logarithm is `phi` times the last one's, and noise."""

    def autoregressive(rng, n):
        logs = [rng.gauss(0, SPREAD)]
        for _ in range(n - 1):
            logs.append(phi * logs[-1] + rng.gauss(0, SPREAD * math.sqrt(1 - phi**2)))
        return list(map(math.exp, logs))

    return autoregressive


def in_spells(rng, n):
    """Return values of which 8 % are slow, in spells of 5 on average; p95 is the 3/8 quantile of the slow ones."""
    values, slow = [], rng.random() < 0.08
    for _ in range(n):
        values.append(math.exp(rng.gauss(3 if slow else 0, SPREAD)))
        slow = rng.random() >= 1 / 5 if slow else rng.random() < 0.08 / 0.92 / 5
    return values


@pytest.mark.parametrize(
    ("p", "alpha", "calls"), [(0.9, 0.05, 42), (0.99, 0.01, 652), (0.5, 0.05, 23), (0.1, 0.05, 42)]
)
def test_so_many_independent_calls_an_interval_needs(p, alpha, calls):
    assert calls_needed(p, alpha) == calls
    quantile(range(calls), p, alpha, 1.0)
    with pytest.raises(ValueError, match=f"needs {calls} values"):
        quantile(range(calls - 1), p, alpha, 1.0)


def test_calls_that_depend_on_each_other_must_be_more():
    assert calls_needed(0.9, 0.05, 10.0) == pytest.approx(10 * calls_needed(0.9, 0.05), rel=0.03)
    with pytest.raises(ValueError, match="needs 411 values"):
        quantile(range(410), 0.9, 0.05, 10.0)


@pytest.mark.parametrize("effect", [1.0, 3.0])
@pytest.mark.parametrize(("p", "n"), [(0.1, 1500), (0.5, 100), (0.5, 3000), (0.9, 300), (0.95, 3000), (0.99, 3000)])
def test_the_bounds_are_those_of_korn_and_graubard(p, n, effect):
    """Beta quantiles at the effective calls are the survey statisticians' form of the same bounds."""
    stats = pytest.importorskip("scipy.stats")
    alpha = 0.05
    _, low, high = quantile(range(n), p, alpha, effect)
    kept = (stats.norm.isf(alpha / 2) / stats.t.isf(alpha / 2, 19)) ** 2
    effective = n * kept / effect
    step = n / effective
    lowest = n * stats.beta.ppf(alpha / 2, effective * p, effective * (1 - p) + 1)
    highest = n * stats.beta.isf(alpha / 2, effective * p + 1, effective * (1 - p))
    assert low * 1.01 == pytest.approx(lowest, abs=2 * step)
    assert high / 1.01 == pytest.approx(highest, abs=2 * step)


@pytest.mark.parametrize("alpha", [0.1, 0.05, 0.01, 0.001, 0.0001])
def test_students_quantile_is_scipys(alpha):
    stats = pytest.importorskip("scipy.stats")
    z = NormalDist().inv_cdf(1 - alpha / 2)
    assert student_quantile(z, 19) == pytest.approx(stats.t.isf(alpha / 2, 19), rel=1e-4)


def test_the_design_effect_is_what_theory_says():
    """Indicators of being above the median have correlation 2 / pi * asin(c) where Gaussian values have c.

    The estimate is a little larger, as only what makes it larger is corrected for.
    """
    phi = 0.8
    theory = 1 + 2 * sum(2 / math.pi * math.asin(phi**lag) for lag in range(1, 100))
    found = fmean(design_effect(autoregressive(phi)(random.Random(k), 5000), 0.5) for k in range(40))
    assert theory <= found <= 1.4 * theory


def test_the_design_effect_comes_from_the_order_of_the_calls():
    rng = random.Random(3)
    values = autoregressive(0.9)(rng, 4000)
    assert design_effect(values, 0.95) > 5
    assert design_effect(values, 0.99) >= design_effect(values, 0.5), "so few are above p99 that they show too little"
    rng.shuffle(values)
    assert design_effect(values, 0.95) < 3
    with pytest.raises(ValueError, match="needs 20 values, found 19"):
        design_effect(values[:19], 0.5)


def test_equal_values_are_known_to_a_hundredth():
    assert design_effect([2.0] * 100, 0.9) == 1
    assert quantile([2.0] * 100, 0.9, 0.05, 1.0) == pytest.approx((2.0, 2.0 / 1.01, 2.0 * 1.01))


def test_values_that_hardly_vary_are_independent_though_they_wander_together():
    rng = random.Random(2)
    wandering = [value ** (0.001 / SPREAD) for value in autoregressive(0.99)(rng, 1000)]
    assert design_effect(wandering, 0.9) == 1
    assert design_effect([value**100 for value in wandering], 0.9) > 10


@pytest.mark.parametrize(
    ("draw", "p", "n"),
    [
        (independent, 0.5, 100),
        (independent, 0.95, 1000),
        (independent, 0.99, 2000),
        (autoregressive(0.5), 0.5, 200),
        (autoregressive(0.5), 0.95, 1000),
        (autoregressive(0.9), 0.5, 1000),
        (autoregressive(0.9), 0.95, 3000),
        (in_spells, 0.95, 2000),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_the_interval_holds_the_truth_as_often_as_it_says(draw, p, n):
    rng = random.Random(20261127)
    truth = math.exp(NormalDist(3, SPREAD).inv_cdf(3 / 8) if draw is in_spells else NormalDist(0, SPREAD).inv_cdf(p))
    held, given = 0, 0
    for _ in range(200):
        values = draw(rng, n)
        effect = design_effect(values, p)
        if n >= calls_needed(p, 0.05, effect):
            _, low, high = quantile(values, p, 0.05, effect)
            held += low <= truth <= high
            given += 1
    assert given >= 150
    assert held / given >= 0.93


def test_intervals_that_take_calls_to_be_independent_are_often_wrong():
    rng = random.Random(1)
    intervals = [quantile(autoregressive(0.9)(rng, 1000), 0.5, 0.05, 1.0) for _ in range(200)]
    assert sum(low <= 1 <= high for _, low, high in intervals) / 200 < 0.7
