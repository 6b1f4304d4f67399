"""The ratio of two means: its point has little bias, its interval is the jackknife's."""

import math
import random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cpuperf.measure.estimate import hodges_lehmann
from pytest_cpuperf.measure.ratios import ratio_of_means

stats = pytest.importorskip("scipy.stats")

SECONDS = st.floats(0.01, 100)


def test_it_is_the_jackknife_of_the_logarithm():
    above, below = [2.0, 3.0, 10.0, 4.0, 2.5, 3.5], [1.0, 1.5, 2.0, 1.2, 0.9, 1.1]
    rest = [math.log((sum(above) - a) / (sum(below) - b)) for a, b in zip(above, below, strict=True)]
    point = 6 * math.log(sum(above) / sum(below)) - 5 * fmean(rest)
    error = math.sqrt(5 / 6 * sum((r - fmean(rest)) ** 2 for r in rest))
    half = stats.t.ppf(0.975, 5) * error
    expected = [math.exp(v) for v in (point, point - half, point + half)]
    assert ratio_of_means(above, below, 0.05) == pytest.approx(expected, rel=1e-3)


@given(st.lists(st.tuples(SECONDS, SECONDS), min_size=3, max_size=40), st.floats(0.1, 10), st.floats(0.001, 0.3))
def test_it_does_not_depend_on_order_or_scale_and_turns_round_with_its_sides(rounds, factor, alpha):
    above, below = zip(*rounds, strict=True)
    point, low, high = ratio_of_means(above, below, alpha)
    assert 0 < low <= point <= high
    assert ratio_of_means(below, above, alpha) == pytest.approx((1 / point, 1 / high, 1 / low), rel=1e-6)
    scaled = ratio_of_means([factor * a for a in reversed(above)], below[::-1], alpha)
    assert scaled == pytest.approx((factor * point, factor * low, factor * high), rel=1e-6)


def test_the_same_ratio_in_every_round_is_known_exactly():
    assert ratio_of_means([2.0, 4.0, 6.0], [1.0, 2.0, 3.0], 0.05) == pytest.approx((2.0, 2.0, 2.0))


@pytest.mark.parametrize(("above", "below"), [([1.0, 2.0], [1.0, 2.0]), ([1.0] * 4, [1.0] * 3)])
def test_too_few_rounds_are_refused(above, below):
    with pytest.raises(ValueError, match="3 rounds with two values each"):
        ratio_of_means(above, below, 0.05)


def test_skewed_rounds_are_estimated_in_the_mean_where_their_centre_is_another_number():
    generator = random.Random(1)
    points, held, centres, centres_held = [], 0, [], 0
    for _ in range(400):
        # The mean of what is above is 1, and a sixth of the rounds make most of it.
        above = [3.0 if generator.random() < 1 / 6 else 0.6 for _ in range(40)]
        below = [generator.uniform(0.9, 1.1) for _ in range(40)]
        point, low, high = ratio_of_means(above, below, 0.05)
        points.append(point)
        held += low <= 1 <= high
        logs = [math.log(a / b) for a, b in zip(above, below, strict=True)]
        centre, low, high = (math.exp(v) for v in hodges_lehmann(logs, 0.05))
        centres.append(centre)
        centres_held += low <= 1 <= high
    assert fmean(points) == pytest.approx(1, abs=0.02)
    assert held >= 0.92 * 400
    assert fmean(centres) < 0.8
    assert centres_held < 0.7 * 400
