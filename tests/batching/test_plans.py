import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cpuperf.batching import (
    CostModel,
    arrival_batches,
    length_statistics,
    measure_cost,
    padded_tokens,
    padding_waste,
    plan_batches,
    sorted_batches,
)

LENGTHS = st.lists(st.integers(0, 40), max_size=9)


def cost(size, longest):
    return 5 + size * (longest + 1) + 0.01 * size * longest**2


def total(lengths, batches):
    return sum(cost(len(b), max(lengths[i] for i in b)) for b in batches)


def every_partition(indices):
    if not indices:
        yield []
        return
    first, *rest = indices
    for size in range(len(rest) + 1):
        for mates in itertools.combinations(rest, size):
            left = [i for i in rest if i not in mates]
            yield from ([(first, *mates), *others] for others in every_partition(left))


@given(st.lists(st.integers(0, 40), max_size=6))
def test_no_partition_at_all_is_cheaper(lengths):
    planned = plan_batches(lengths, cost)
    cheapest = min(total(lengths, p) for p in every_partition(list(range(len(lengths)))))
    assert total(lengths, planned) == pytest.approx(cheapest)


@given(LENGTHS, st.integers(1, 9))
def test_never_worse_than_any_fixed_size_of_the_sorted_list(lengths, size):
    assert total(lengths, plan_batches(lengths, cost)) <= total(lengths, sorted_batches(lengths, size)) + 1e-9


@given(LENGTHS, st.integers(1, 9), st.integers(40, 90))
def test_every_sequence_once_and_within_the_caps(lengths, max_size, max_tokens):
    for plan in (
        plan_batches(lengths, cost, max_size=max_size, max_tokens=max_tokens),
        sorted_batches(lengths, max_size),
    ):
        assert sorted(i for batch in plan for i in batch) == list(range(len(lengths)))
        assert all(len(batch) <= max_size for batch in plan)
    plan = plan_batches(lengths, cost, max_size=max_size, max_tokens=max_tokens)
    assert all(len(b) * max(lengths[i] for i in b) <= max_tokens for b in plan)


def test_longest_batches_come_first():
    plan = plan_batches([3, 400, 5, 390, 4], lambda size, longest: 1 + size * longest)
    assert plan[0] == (1, 3) or plan[0] == (1,)
    assert [max(b) for b in sorted_batches([1, 9, 5], 1)] == [1, 2, 0]


def test_waste_is_the_share_that_is_padding():
    lengths = [1, 3, 4]
    assert padded_tokens(lengths, [(0, 1, 2)]) == 12
    assert padding_waste(lengths, [(0, 1, 2)]) == pytest.approx(4 / 12)
    assert padding_waste(lengths, arrival_batches(3, 1)) == 0
    assert padding_waste([], []) == 0


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: padding_waste([1, 2], [(0,)]), "each of 2 sequences once"),
        (lambda: padding_waste([1, -2], [(0, 1)]), "found -2 at index 1"),
        (lambda: plan_batches([5, 600], cost, max_tokens=512), "found 600 at index 1"),
        (lambda: plan_batches([5], lambda s, n: 0.0), "expected a cost above 0, found 0.0"),
        (lambda: sorted_batches([5], 0), "size of at least 1, found 0"),
        (lambda: length_statistics([]), "found none"),
    ],
)
def test_what_makes_no_plan_is_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_statistics_are_lengths_that_occur():
    statistics = length_statistics([5, 1, 9, 7])
    assert (statistics.count, statistics.total, statistics.shortest, statistics.median, statistics.longest) == (
        4,
        22,
        1,
        7,
        9,
    )


def test_cost_is_bilinear_between_grid_points_and_grows_beyond():
    model = CostModel((1, 4), (10, 20), ((1.0, 2.0), (4.0, 8.0)))
    assert model(1, 10) == 1.0
    assert model(4, 15) == pytest.approx(6.0)
    assert model(2, 10) == pytest.approx(2.0)
    assert model(8, 20) == pytest.approx(16.0)


def test_cost_is_measured_within_its_time_and_never_falls():
    began = time.perf_counter()
    ran = []

    def run(size, longest):
        ran.append((size, longest))
        time.sleep(size * longest * 1e-6)

    model = measure_cost(run, (1, 64), (10, 10_000), max_seconds=0.5)
    assert time.perf_counter() - began < 1.5
    assert (1, 10_000) in ran
    assert model(64, 10_000) >= model(64, 10) >= model(1, 10)
