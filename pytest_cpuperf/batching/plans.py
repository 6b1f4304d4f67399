"""Ways to cut sequences into batches."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from operator import add
from typing import NamedTuple, TypeAlias

from pytest_cpuperf.batching.lengths import check_lengths

Batch: TypeAlias = tuple[int, ...]
"""Indices into the sequences as they were given."""


def arrival_batches(count: int, size: int) -> list[Batch]:
    """Return `count` sequences cut into batches of `size` as they came."""
    _at_least_one("size", size)
    return [tuple(range(i, min(i + size, count))) for i in range(0, count, size)]


def one_by_one_batches(count: int) -> list[Batch]:
    """Return `count` sequences in batches of one: no padding, and nothing gained by batching."""
    return arrival_batches(count, 1)


def sorted_batches(lengths: Sequence[int], size: int) -> list[Batch]:
    """Return the sequences sorted by length, longest first, cut into batches of `size`.

    Longest first, so that memory grows once and an overlong batch is met early.
    """
    _at_least_one("size", size)
    check_lengths(lengths)
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    return [tuple(order[i : i + size]) for i in range(0, len(order), size)]


def token_budget_batches(lengths: Sequence[int], max_tokens: int, *, max_size: int | None = None) -> list[Batch]:
    """Return the sequences sorted by length, longest first, in batches of at most `max_tokens` padded tokens.

    Raises ValueError where a sequence alone is above `max_tokens`.
    """
    _at_least_one("max_tokens", max_tokens)
    check_lengths(lengths)
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    _fits(lengths, order[:1], max_tokens)
    batches: list[Batch] = []
    start = 0
    while start < len(order):
        size = max_tokens // max(1, lengths[order[start]])
        size = min(size, len(order) - start) if max_size is None else min(size, max_size, len(order) - start)
        batches.append(tuple(order[start : start + size]))
        start += size
    return batches


def plan_batches(
    lengths: Sequence[int],
    cost: Callable[[int, int], float],
    *,
    max_size: int = 64,
    max_tokens: int | None = None,
    pad_to_multiple_of: int = 1,
) -> list[Batch]:
    """Return the cheapest cut of the length-sorted sequences into batches, longest batch first.

    `cost(size, longest)` is what one batch of `size` sequences padded to `longest` tokens costs, in any unit; it
    should grow in both, as time does. No batch holds more than `max_size` sequences or `max_tokens` padded tokens;
    batches are padded to a multiple of `pad_to_multiple_of`, where a model that is compiled for each shape, or whose
    memory grows with every new one, should see few.

    Contiguous pieces of the sorted list suffice when the cost grows in both arguments: swapping sequences between
    two batches so that one holds the longer ones never makes either's longest grow. The dynamic programme goes over
    the distinct lengths (see `_Plan`): a million sequences of 500 lengths take seconds. Raises ValueError where a
    sequence alone is above `max_tokens`, or a cost is not a number above 0.
    """
    plan = _Plan(max_size)
    for _, count, prices in _prices(lengths, cost, max_size, max_tokens, pad_to_multiple_of):
        plan.add(count, prices)
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    batches: list[Batch] = []
    end = len(order)
    for size in plan.sizes():
        batches.append(tuple(reversed(order[end - size : end])))
        end -= size
    return batches


def _prices(
    lengths: Sequence[int],
    cost: Callable[[int, int], float],
    max_size: int,
    max_tokens: int | None,
    pad_to_multiple_of: int,
) -> list[tuple[int, int, list[float]]]:
    """Return (length, how many, costs of batches of 1, 2, … of them) for each padded length, ascending, in the caps.

    Raises ValueError for caps that are none, lengths below 0, and a sequence that no cap lets in.
    """
    _at_least_one("max_size", max_size)
    _at_least_one("pad_to_multiple_of", pad_to_multiple_of)
    check_lengths(lengths)
    if max_tokens is not None:
        _at_least_one("max_tokens", max_tokens)
        longest = max(range(len(lengths)), key=lengths.__getitem__, default=None)
        _fits(lengths, [] if longest is None else [longest], max_tokens, pad_to_multiple_of)
    counts = Counter(-(-length // pad_to_multiple_of) * pad_to_multiple_of for length in lengths)
    table = []
    for longest, count in sorted(counts.items()):
        most = max_size if max_tokens is None or longest == 0 else min(max_size, max_tokens // longest)
        table.append((longest, count, [_price(cost, size, longest) for size in range(1, most + 1)]))
    return table


class PaddedBatch(NamedTuple):
    """A batch and the length it is to be padded to."""

    batch: Batch
    padded_to: int


def plan_shapes(
    lengths: Sequence[int],
    cost: Callable[[int, int], float],
    *,
    max_shapes: int,
    max_size: int = 64,
    max_tokens: int | None = None,
    pad_to_multiple_of: int = 1,
) -> list[PaddedBatch]:
    """Return a cheap cut into batches of at most `max_shapes` distinct shapes (size, length), longest batch first.

    For models that are compiled, or whose memory grows, with every new shape. All batches padded to one length have
    one size; what is left over goes on to the next longer one, and what is left at the end is a shape of its own.
    The lengths are those that are cheapest where every batch has its best size, the sizes then the cheapest for these
    lengths; the two are not weighed against each other, so a cheaper plan of as many shapes may exist. The caps are
    those of `plan_batches`. Raises ValueError as it does, and for `max_shapes` below 1.
    """
    _at_least_one("max_shapes", max_shapes)
    if not lengths:
        return []
    table = _prices(lengths, cost, max_size, max_tokens, pad_to_multiple_of)
    counts = [(longest, count) for longest, count, _ in table]
    prices = {longest: costs for longest, _, costs in table}
    plans = []
    for bins, leftover in ((max_shapes - 1, True), (max_shapes, False)):
        if bins:
            ends = _cheapest_ends(counts, {n: min(p / k for k, p in enumerate(prices[n], 1)) for n in prices}, bins)
            plans.append(_one_size_each(counts, ends, prices, leftover))
    _, pieces = min(plans, key=lambda plan: plan[0])
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    batches: list[PaddedBatch] = []
    start = 0
    for size, longest in pieces:
        batches.append(PaddedBatch(tuple(reversed(order[start : start + size])), longest))
        start += size
    return batches[::-1]


def _cheapest_ends(counts: Sequence[tuple[int, int]], each: dict[int, float], bins: int) -> list[int]:
    """Return at most `bins` of the lengths, the last among them, so that padding all up to the next costs least.

    `counts` are (length, how many), ascending; `each` is the cost of a sequence at a length.
    """
    n = len(counts)
    below = [0]
    for _, count in counts:
        below.append(below[-1] + count)
    table = [0.0] + [math.inf] * n
    steps: list[list[int]] = []
    for _ in range(min(bins, n)):
        longer, from_ = [math.inf] * (n + 1), [0] * (n + 1)
        for j in range(1, n + 1):
            price = each[counts[j - 1][0]]
            for i in range(j):
                total = table[i] + (below[j] - below[i]) * price
                if total < longer[j]:
                    longer[j], from_[j] = total, i
        longer[0] = 0.0
        table = longer
        steps.append(from_)
    ends, j = [], n
    for from_ in reversed(steps):
        if j:
            ends.append(counts[j - 1][0])
            j = from_[j]
    return ends[::-1]


def _one_size_each(
    counts: Sequence[tuple[int, int]], ends: Sequence[int], prices: dict[int, list[float]], leftover: bool
) -> tuple[float, list[tuple[int, int]]]:
    """Return the cost and the (size, length) of each batch, ascending, with one size for each of the lengths `ends`.

    With `leftover` what remains at the end may be a batch of its own; without, nothing may remain.
    """
    # For each number carried over to the next length: the least cost, and the pieces so far as (size, length, times).
    states: dict[int, tuple[float, tuple[tuple[int, int, int], ...]]] = {0: (0.0, ())}
    start = 0
    for end in ends:
        here = 0
        while start < len(counts) and counts[start][0] <= end:
            here += counts[start][1]
            start += 1
        after: dict[int, tuple[float, tuple[tuple[int, int, int], ...]]] = {}
        for carried, (spent, pieces) in states.items():
            for size, price in enumerate(prices[end], 1):
                times, rest = divmod(carried + here, size)
                total = spent + times * price
                if rest not in after or total < after[rest][0]:
                    after[rest] = (total, (*pieces, (size, end, times)))
        states = after
    longest = ends[-1]
    done = []
    for rest, (spent, pieces) in states.items():
        if rest == 0:
            done.append((spent, pieces))
        elif leftover:
            done.append((spent + prices[longest][rest - 1], (*pieces, (rest, longest, 1))))
    cost, pieces = min(done, key=lambda plan: plan[0])
    return cost, [(size, end) for size, end, times in pieces for _ in range(times)]


class _Plan:
    """The dynamic programme over distinct lengths, ascending.

    Of the sequences up to a length some are batched and at most `max_size - 1`, the longest, are carried over into a
    batch with longer ones: `cheapest[c]` is the least cost with c carried. With n sequences of the next length, c + n
    are at hand; if c' of them are carried on, the others are batched at this length, at `_Sizes.cheapest(c + n - c')`:

        T'[c'] = min over c of T[c] + g(c + n - c')
    """

    def __init__(self, max_size: int) -> None:
        self._most_carried = max_size - 1
        self._cheapest = [0.0]
        self._steps: list[tuple[int, _Sizes, list[int]]] = []
        """For each length: how many sequences it has, how to batch them, and the best c for each c'."""

    def add(self, count: int, prices: Sequence[float]) -> None:
        """Take the sequences of the next length; `prices[k - 1]` is a batch of k of them."""
        sizes = _Sizes(prices)
        before = self._cheapest
        most = min(self._most_carried, len(before) - 1 + count)
        # g(c + n - c') for c - c' from -most to len(before) - 1; no more are carried on than were at hand.
        here = [sizes.cheapest(x) if x >= 0 else math.inf for x in range(count - most, count + len(before))]
        cheapest, came_from = [], []
        for carried in range(most + 1):
            totals = list(map(add, before, here[most - carried :]))
            best = min(totals)
            cheapest.append(best)
            came_from.append(totals.index(best))
        self._cheapest = cheapest
        self._steps.append((count, sizes, came_from))

    def sizes(self) -> Iterator[int]:
        """Yield the sizes of the batches, from the longest sequences to the shortest."""
        carried = 0
        for count, sizes, came_from in reversed(self._steps):
            before = came_from[carried]
            yield from sizes.of(before + count - carried)
            carried = before


class _Sizes:
    """The cheapest way to batch any number of sequences of one length: g(x) = min over k of g(x - k) + price(k).

    For large x the size with the least price a sequence repeats: once g(x) = g(x - best) + price(best) has held for as
    many x in a row as there are sizes, it holds for ever, since g(x) is made of no more values than that.
    """

    def __init__(self, prices: Sequence[float]) -> None:
        self._prices = list(prices)
        self._best = min(range(1, len(prices) + 1), key=lambda k: prices[k - 1] / k)
        self._cheapest = [0.0]
        self._last = [0]
        """The size of one batch in the cheapest way for each number."""
        self._repeats = 0
        self._settled = False

    def cheapest(self, number: int) -> float:
        """Return the least cost of batching so many sequences."""
        rounds, rest = self._reduced(number)
        return self._cheapest[rest] + rounds * self._prices[self._best - 1]

    def of(self, number: int) -> Iterator[int]:
        """Yield the sizes of the batches in the cheapest way."""
        rounds, rest = self._reduced(number)
        yield from [self._best] * rounds
        while rest:
            yield self._last[rest]
            rest -= self._last[rest]

    def _reduced(self, number: int) -> tuple[int, int]:
        """Return how many batches of the best size to take first, and the number left, whose cost is known."""
        while len(self._cheapest) <= number and not self._settled:
            self._extend()
        over = number - (len(self._cheapest) - 1)
        rounds = max(0, -(-over // self._best))
        return rounds, number - rounds * self._best

    def _extend(self) -> None:
        x = len(self._cheapest)
        most = min(x, len(self._prices))
        totals = list(map(add, self._cheapest[: x - most - 1 if x > most else None : -1], self._prices))
        value = min(totals)
        self._cheapest.append(value)
        self._last.append(totals.index(value) + 1)
        # Sums of the same prices in another order differ in the last digits.
        by_best = self._cheapest[x - self._best] + self._prices[self._best - 1] if x >= self._best else math.inf
        repeated = by_best <= value * (1 + 1e-12)
        self._repeats = self._repeats + 1 if repeated else 0
        self._settled = self._repeats >= len(self._prices)


def _fits(lengths: Sequence[int], longest: Sequence[int], max_tokens: int, multiple: int = 1) -> None:
    for index in longest:
        if -(-lengths[index] // multiple) * multiple > max_tokens:
            raise ValueError(
                f"expected sequences of at most max_tokens={max_tokens} tokens, found {lengths[index]} at index {index}"
            )


def _price(cost: Callable[[int, int], float], size: int, longest: int) -> float:
    price = cost(size, longest)
    if not 0 < price < float("inf"):
        raise ValueError(f"expected a cost above 0, found {price!r} for size {size}, longest {longest}")
    return price


def _at_least_one(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"expected {name} of at least 1, found {value}")
