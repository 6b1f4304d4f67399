import itertools
import json
import random
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_cpuperf.batching import (
    CostModel,
    arrival_batches,
    length_statistics,
    measure_cost,
    one_by_one_batches,
    padded_tokens,
    padding_waste,
    plan_batches,
    plan_shapes,
    refine_cost,
    run_planned,
    run_window,
    sorted_batches,
    speedup_ceiling,
    stream_planned,
    token_budget_batches,
    window_waiting,
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


def slow_plan_cost(lengths, max_size, max_tokens, multiple):
    """Return the least cost by the plain programme over every sequence."""
    padded = sorted(-(-n // multiple) * multiple for n in lengths)
    table = [0.0]
    for j, longest in enumerate(padded, start=1):
        most = min(j, max_size, max_tokens // longest if longest else j)
        table.append(min(table[j - k] + cost(k, longest) for k in range(1, most + 1)))
    return table[-1]


@given(
    st.lists(st.sampled_from([0, 1, 3, 7, 8, 20, 33]), max_size=120),
    st.integers(1, 12),
    st.integers(40, 300),
    st.sampled_from([1, 8]),
)
def test_the_programme_over_distinct_lengths_finds_what_the_plain_one_does(lengths, max_size, max_tokens, multiple):
    planned = plan_batches(lengths, cost, max_size=max_size, max_tokens=max_tokens, pad_to_multiple_of=multiple)
    padded = [-(-n // multiple) * multiple for n in lengths]
    assert sorted(i for batch in planned for i in batch) == list(range(len(lengths)))
    assert all(len(b) <= max_size and len(b) * max(padded[i] for i in b) <= max_tokens for b in planned)
    assert total(padded, planned) == pytest.approx(slow_plan_cost(lengths, max_size, max_tokens, multiple))


@pytest.mark.parametrize("price", [lambda k, n: k * (n + 1), lambda k, n: 1.0, lambda k, n: (1 + abs(k - 7)) * (n + 1)])
def test_odd_costs_of_many_equal_sequences(price):
    lengths = [5] * 1000 + [9] * 777
    planned = plan_batches(lengths, price, max_size=16)
    table = [0.0]
    for j, longest in enumerate(sorted(lengths), start=1):
        table.append(min(table[j - k] + price(k, longest) for k in range(1, min(j, 16) + 1)))
    assert sum(price(len(b), max(lengths[i] for i in b)) for b in planned) == pytest.approx(table[-1])


@given(LENGTHS, st.integers(40, 200))
def test_a_token_budget_is_kept(lengths, max_tokens):
    plan = token_budget_batches(lengths, max_tokens)
    assert sorted(i for batch in plan for i in batch) == list(range(len(lengths)))
    assert all(len(b) * max(lengths[i] for i in b) <= max_tokens or max(lengths[i] for i in b) == 0 for b in plan)
    if lengths and max(lengths) > 1:
        with pytest.raises(ValueError, match="expected sequences of at most"):
            token_budget_batches(lengths, max(lengths) - 1)


@given(st.lists(st.text(max_size=12), max_size=40), st.integers(1, 9))
def test_results_come_in_the_order_of_the_inputs(texts, window):
    lengths = [len(t) for t in texts]
    assert run_planned(lambda batch: [t.upper() for t in batch], texts, plan_batches(lengths, cost)) == [
        t.upper() for t in texts
    ]
    sizes = []

    def call(batch):
        sizes.append(len(batch))
        return [t[::-1] for t in batch]

    streamed = list(run_window(call, iter(texts), len, lambda n: plan_batches(n, cost, max_size=4), window))
    assert streamed == [t[::-1] for t in texts]
    assert all(size <= min(4, window) for size in sizes)


def test_a_window_answers_before_the_next_has_come():
    came = []

    def requests():
        for n in range(6):
            came.append(n)
            yield "x" * n

    answers = run_window(lambda batch: batch, requests(), len, lambda n: plan_batches(n, cost), 3)
    assert next(answers) == ""
    assert came == [0, 1, 2]


def test_each_input_is_answered_when_its_own_batch_is_done():
    ran = []

    def call(batch):
        ran.append(batch)
        return [text.upper() for text in batch]

    answers = stream_planned(call, ["a", "bbb", "cc"], [(1,), (2, 0)])
    assert next(answers) == (1, "BBB")
    assert ran == [["bbb"]], "the next batch has not begun"
    assert list(answers) == [(2, "CC"), (0, "A")]


@pytest.mark.parametrize(
    ("call", "plan", "said"),
    [
        (lambda batch: batch[1:], [(0, 1)], "expected 2 results for a batch of 2, found 1"),
        (list, [(0,)], "holds each of 2 inputs once, found 1 of them"),
        (list, [(0, 1), (1,)], "holds each of 2 inputs once, found 1 wrongly"),
        (list, [(0, 2)], "holds each of 2 inputs once, found 2 wrongly"),
    ],
)
def test_a_call_or_a_plan_that_loses_something_is_told(call, plan, said):
    with pytest.raises(ValueError, match=said):
        run_planned(call, ["a", "b"], plan)


MODEL = CostModel((1, 8), (16, 64), ((0.001, 0.003), (0.006, 0.02)))


def test_a_cost_model_is_stored_with_its_machine_and_read_again():
    document = json.loads(json.dumps(MODEL.plain("abc")))
    assert CostModel.from_plain(document) == CostModel.from_plain(document, "abc") == MODEL
    with pytest.raises(ValueError, match="expected a cost model of machine xyz, found one of abc"):
        CostModel.from_plain(document, "xyz")


@pytest.mark.parametrize(
    "changed",
    [
        {"schema": "cpuperf/cost/2"},
        {"sizes": [8, 1]},
        {"sizes": []},
        {"lengths": "ab"},
        {"seconds": [[1.0]]},
        {"seconds": [[1, 2], [3, -1]]},
        {"seconds": [[1, 2], [3, None]]},
        {"seconds": None},
    ],
)
def test_a_document_that_is_no_cost_model_is_one_line(changed):
    with pytest.raises(ValueError, match="expected"):
        CostModel.from_plain({**MODEL.plain(), **changed})


def test_a_million_sequences_are_planned_in_seconds():
    rng = random.Random(0)
    lengths = [min(512, 1 + int(rng.lognormvariate(3.6, 0.9))) for _ in range(1_000_000)]
    started = time.process_time()
    tracemalloc.start()
    planned = plan_batches(lengths, lambda k, n: 0.001 + 1e-6 * k * n + 1e-9 * k * n * n)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(map(len, planned)) == len(lengths)
    assert peak < 300 * 2**20
    assert time.process_time() - started < 60, "minutes would mean that every sequence is looked at by itself"


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
        (lambda: plan_shapes([5, 600], cost, max_shapes=2, max_tokens=512), "found 600 at index 1"),
        (lambda: plan_shapes([5], cost, max_shapes=0), "max_shapes of at least 1, found 0"),
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


@given(
    LENGTHS.filter(bool), st.integers(1, 6), st.integers(1, 5), st.sampled_from([None, 48, 90]), st.sampled_from([1, 8])
)
def test_no_more_shapes_than_allowed_and_every_sequence_once(lengths, max_shapes, max_size, max_tokens, multiple):
    plan = plan_shapes(
        lengths, cost, max_shapes=max_shapes, max_size=max_size, max_tokens=max_tokens, pad_to_multiple_of=multiple
    )
    assert len({(len(batch), padded_to) for batch, padded_to in plan}) <= max_shapes
    assert all(padded_to % multiple == 0 for _, padded_to in plan)
    assert max_tokens is None or all(len(batch) * padded_to <= max_tokens for batch, padded_to in plan)
    assert sorted(i for batch, _ in plan for i in batch) == list(range(len(lengths)))
    assert all(max(lengths[i] for i in batch) <= padded_to for batch, padded_to in plan)
    assert max(len(batch) for batch, _ in plan) <= max_size
    assert [p for _, p in plan] == sorted((p for _, p in plan), reverse=True)


def test_shapes_to_spare_cost_little_more_than_no_bound():
    """With 12 shapes for 400 real-looking lengths the cost is within a fifth of the plan that may have any."""
    generator = random.Random(3)
    lengths = [min(512, max(3, int(generator.lognormvariate(3.5, 0.9)))) for _ in range(400)]
    unbound = plan_batches(lengths, cost, max_size=32)
    priced = {
        k: sum(cost(len(b), n) for b, n in plan_shapes(lengths, cost, max_shapes=k, max_size=32)) for k in (1, 4, 12)
    }
    assert priced[12] <= 1.2 * total(lengths, unbound)
    assert priced[12] < priced[4] < priced[1]
    assert len({(len(b), max(lengths[i] for i in b)) for b in unbound}) > 12


def test_constant_padding_and_one_by_one_are_the_two_ends():
    lengths = [2, 8, 4]
    assert padding_waste(lengths, one_by_one_batches(3)) == 0.0
    assert padding_waste(lengths, arrival_batches(3, 2), padded_to=16) == pytest.approx(1 - 14 / 48)
    assert speedup_ceiling(lengths, arrival_batches(3, 2), padded_to=16) == pytest.approx(48 / 14)
    assert speedup_ceiling(lengths, one_by_one_batches(3)) == 1.0
    with pytest.raises(ValueError, match="at most 4 tokens, found 8"):
        padding_waste(lengths, arrival_batches(3, 2), padded_to=4)


def test_what_a_window_makes_inputs_wait_is_told():
    # Windows of three: the first input waits for the third, the fourth for the last, which ends the stream.
    assert window_waiting([0.0, 1.0, 5.0, 6.0, 8.0], 3) == (2.0, 5.0)
    assert window_waiting([0.0, 1.0], 1) == (0.0, 0.0)
    for arrivals, window in (([], 2), ([1.0], 0), ([2.0, 1.0], 2)):
        with pytest.raises(ValueError, match="expected"):
            window_waiting(arrivals, window)


def test_a_refined_cost_knows_the_shapes_that_its_plan_uses_and_tells_how_far_off_it_was(monkeypatch):
    """A machine that takes half as long again for all but multiples of four, which the first grid does not show."""
    now = [0.0]
    monkeypatch.setattr("pytest_cpuperf.batching.cost.now", lambda: now[0])

    def seconds(size, longest):
        return 2e-5 * size * longest * (1.0 if size % 4 == 0 or size == 1 else 1.5) + 1e-4

    def run(size, longest):
        now[0] += seconds(size, longest)

    generator = random.Random(4)
    lengths = [generator.choice([10, 11, 12, 30, 31]) for _ in range(60)]
    coarse = measure_cost(run, [1, 4, 16], [8, 40], max_seconds=5, repeats=1)
    refined = refine_cost(coarse, run, lengths, max_size=16, max_seconds=5, repeats=1)
    assert refined.error is not None
    assert 0.0 <= refined.error < 1.0

    def true_total(model):
        batches = plan_batches(lengths, model, max_size=16)
        return sum(seconds(len(b), max(lengths[i] for i in b)) for b in batches)

    assert true_total(refined) < 0.95 * true_total(coarse)
    again = CostModel.from_plain(json.loads(json.dumps(refined.plain())))
    assert again == refined
