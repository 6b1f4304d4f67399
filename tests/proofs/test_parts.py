"""Which batches are timed in a round: they stand for all of them, whatever the cost model believes."""

import random
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cpuperf.batching import arrival_batches
from pytest_cpuperf.proofs.bucketing.parts import Parts


def make(lengths, size, cost, max_seconds):
    def shape(batch):
        return len(batch), max(lengths[i] for i in batch)

    return Parts(arrival_batches(len(lengths), size), shape, cost, max_seconds)


def believed(size, longest):
    return 0.005 + 1e-4 * size * longest


def true(batch, lengths):
    """What a batch really takes: long ones twice what the model believes, and each one otherwise, too."""
    longest = max(lengths[i] for i in batch)
    return believed(len(batch), longest) * (2.0 if longest > 150 else 0.8) * random.Random(batch[0]).uniform(0.7, 1.4)


def test_over_the_rounds_the_parts_take_what_the_whole_takes_though_the_model_is_wrong():
    generator = random.Random(1)
    lengths = [min(512, max(3, int(generator.lognormvariate(3.5, 0.9)))) for _ in range(3200)]
    parts = make(lengths, 32, believed, max_seconds=2.0)
    assert not parts.whole
    estimates = []
    for number in range(400):
        part = parts.part(number)
        measured = [true(share.batch, lengths) for share in part]
        estimates.append(parts.whole_seconds(parts.seconds(part, measured)))
    whole = sum(true(batch, lengths) for batch in arrival_batches(len(lengths), 32))
    assert fmean(estimates) == pytest.approx(whole, rel=0.02)
    assert stdev(estimates) > 0.01 * whole, "rounds differ, and that is in the interval"
    assert fmean(sum(s.predicted for s in parts.part(n)) for n in range(400)) == pytest.approx(2.0, rel=0.35)


def test_twelve_rounds_are_spread_over_nearly_as_many_batches():
    parts = make([10 + n % 50 for n in range(3200)], 32, believed, max_seconds=0.2)
    seen = [share.batch for number in range(12) for share in parts.part(number)]
    assert len(set(seen)) >= 0.9 * min(len(seen), len(parts))


def test_where_all_fits_every_round_does_all():
    parts = make([3, 9, 4, 8], 2, believed, max_seconds=10.0)
    assert parts.whole
    assert sorted(share.batch for share in parts.part(7)) == [(0, 1), (2, 3)]
    assert parts.whole_seconds(parts.seconds(parts.part(7), [0.2, 0.3])) == pytest.approx(0.5)


def test_a_batch_too_long_for_a_round_is_cut_and_keeps_its_longest_sequence():
    lengths = [10, 500, 20, 30] * 8
    parts = make(lengths, 16, believed, max_seconds=0.2)
    (share,) = parts.part(0)
    assert 1 <= len(share.batch) < 16
    assert max(lengths[i] for i in share.batch) == 500
    assert share.cut == pytest.approx(believed(16, 500) / believed(len(share.batch), 500))
    # Where the model is right, so is what is made of it.
    assert parts.whole_seconds(parts.seconds([share], [share.predicted])) == pytest.approx(2 * believed(16, 500))


@given(
    st.lists(st.integers(1, 500), min_size=2, max_size=300),
    st.integers(1, 40),
    st.floats(0.001, 20),
    st.integers(0, 10_000),
)
def test_parts_hold_batches_of_the_arm_and_a_right_model_is_exact(lengths, size, max_seconds, number):
    parts = make(lengths, size, believed, max_seconds)
    part = parts.part(number)
    batches = arrival_batches(len(lengths), size)
    assert part
    assert all(any(set(share.batch) <= set(batch) for batch in batches) for share in part)
    estimate = parts.whole_seconds(parts.seconds(part, [share.predicted for share in part]))
    assert estimate == pytest.approx(sum(believed(len(b), max(lengths[i] for i in b)) for b in batches))
