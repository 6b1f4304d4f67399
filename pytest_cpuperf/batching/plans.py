"""Ways to cut sequences into batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from pytest_cpuperf.batching.lengths import check_lengths

Batch: TypeAlias = tuple[int, ...]
"""Indices into the sequences as they were given."""


def arrival_batches(count: int, size: int) -> list[Batch]:
    """Return `count` sequences cut into batches of `size` as they came."""
    _at_least_one("size", size)
    return [tuple(range(i, min(i + size, count))) for i in range(0, count, size)]


def sorted_batches(lengths: Sequence[int], size: int) -> list[Batch]:
    """Return the sequences sorted by length, longest first, cut into batches of `size`.

    Longest first, so that memory grows once and an overlong batch is met early.
    """
    _at_least_one("size", size)
    check_lengths(lengths)
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    return [tuple(order[i : i + size]) for i in range(0, len(order), size)]


def plan_batches(
    lengths: Sequence[int],
    cost: Callable[[int, int], float],
    *,
    max_size: int = 64,
    max_tokens: int | None = None,
) -> list[Batch]:
    """Return the cheapest cut of the length-sorted sequences into batches, longest batch first.

    `cost(size, longest)` is what one batch of `size` sequences padded to `longest` tokens costs, in any unit; it
    should grow in both, as time does. No batch holds more than `max_size` sequences or `max_tokens` padded tokens.
    Contiguous pieces of the sorted list suffice when the cost grows in both arguments: swapping sequences between
    two batches so that one holds the longer ones never makes either's longest grow.

    The dynamic programme is T[j] = min over k <= max_size of T[j - k] + cost(k, length[j]), lengths ascending.
    Raises ValueError where a sequence alone is above `max_tokens`, or a cost is not a number above 0.
    """
    _at_least_one("max_size", max_size)
    check_lengths(lengths)
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    if max_tokens is not None and order and lengths[order[-1]] > max_tokens:
        raise ValueError(
            f"expected sequences of at most max_tokens={max_tokens} tokens, "
            f"found {lengths[order[-1]]} at index {order[-1]}"
        )
    known: dict[tuple[int, int], float] = {}
    cheapest = [0.0]
    last_size = [0]
    for j, index in enumerate(order, start=1):
        longest = lengths[index]
        most = min(j, max_size)
        if max_tokens is not None and longest:
            most = min(most, max_tokens // longest)
        best, best_size = float("inf"), 1
        for size in range(1, most + 1):
            key = (size, longest)
            price = known.get(key)
            if price is None:
                price = known[key] = _price(cost, size, longest)
            total = cheapest[j - size] + price
            if total < best:
                best, best_size = total, size
        cheapest.append(best)
        last_size.append(best_size)
    batches: list[Batch] = []
    j = len(order)
    while j:
        batches.append(tuple(reversed(order[j - last_size[j] : j])))
        j -= last_size[j]
    return batches


def _price(cost: Callable[[int, int], float], size: int, longest: int) -> float:
    price = cost(size, longest)
    if not 0 < price < float("inf"):
        raise ValueError(f"expected a cost above 0, found {price!r} for size {size}, longest {longest}")
    return price


def _at_least_one(name: str, value: int) -> None:
    if value < 1:
        raise ValueError(f"expected {name} of at least 1, found {value}")
