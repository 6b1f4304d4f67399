"""What a batch costs: measured on a small grid of shapes, interpolated between.

Least padding alone is degenerate (batches of one have none), so a plan needs the cost of a batch; and it must be
measured, because tokens per second peak at a shape that differs between machines and models.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from pytest_cpuperf.batching.plans import plan_batches
from pytest_cpuperf.clock import now

SCHEMA = "cpuperf/cost/1"


@dataclass(frozen=True)
class CostModel:
    """Seconds for a batch of `size` sequences padded to `longest` tokens: `model(size, longest)`.

    `seconds[i][j]` belongs to `sizes[i]` and `lengths[j]`, both ascending. Between grid points the cost is
    bilinear; beyond the grid it grows as the last cells do per sequence and per token.
    """

    sizes: tuple[int, ...]
    lengths: tuple[int, ...]
    seconds: tuple[tuple[float, ...], ...]
    error: float | None = None
    """How far off the model was, as a share, at shapes of a plan that `refine_cost` then measured: their median."""

    def __call__(self, size: int, longest: int) -> float:
        """Return the estimated seconds of one batch; above 0."""
        i, across = _cell(self.sizes, size)
        j, along = _cell(self.lengths, longest)

        def row(at: int) -> float:
            cells = self.seconds[at]
            return cells[j] if len(cells) == 1 else cells[j] + along * (cells[j + 1] - cells[j])

        value = row(i) if len(self.sizes) == 1 else row(i) + across * (row(i + 1) - row(i))
        return max(value, 1e-9)

    def plain(self, machine: str | None = None) -> dict[str, Any]:
        """Return the model as plain data for a JSON file; `machine` is the fingerprint of where it was measured."""
        return {
            "schema": SCHEMA,
            "machine": machine,
            "sizes": list(self.sizes),
            "lengths": list(self.lengths),
            "seconds": [list(row) for row in self.seconds],
            "error": self.error,
        }

    @classmethod
    def from_plain(cls, document: Mapping[str, Any], machine: str | None = None) -> CostModel:
        """Return the model that `plain` wrote.

        Raises ValueError where the document is no such model, or was measured on another `machine` than the one given:
        what a batch costs there says nothing of what it costs here.
        """
        if document.get("schema") != SCHEMA:
            raise ValueError(f"expected a cost model of schema {SCHEMA}, found {document.get('schema')!r}")
        if machine is not None and document.get("machine") != machine:
            raise ValueError(f"expected a cost model of machine {machine}, found one of {document.get('machine')}")
        try:
            sizes, lengths = (tuple(int(n) for n in document[key]) for key in ("sizes", "lengths"))
            seconds = tuple(tuple(float(value) for value in row) for row in document["seconds"])
            error = None if document.get("error") is None else float(document["error"])
        except (KeyError, TypeError, ValueError):
            raise ValueError("expected sizes, lengths and seconds of numbers in a cost model") from None
        ascending = all(a < b for grid in (sizes, lengths) for a, b in itertools.pairwise((0, *grid)))
        fits = len(seconds) == len(sizes) > 0 and all(len(row) == len(lengths) > 0 for row in seconds)
        if not (ascending and fits and all(0 < value < math.inf for row in seconds for value in row)):
            raise ValueError("expected ascending sizes and lengths and a table of seconds above 0 that fits them")
        return cls(sizes, lengths, seconds, error)


def _cell(grid: Sequence[int], value: int) -> tuple[int, float]:
    """Return the grid cell for a value and how far into the cell it lies (beyond 1 past the grid's end)."""
    if len(grid) == 1:
        return 0, 0.0
    i = min(max(bisect.bisect_right(grid, value) - 1, 0), len(grid) - 2)
    return i, (value - grid[i]) / (grid[i + 1] - grid[i])


def measure_cost(
    run: Callable[[int, int], object],
    sizes: Sequence[int],
    lengths: Sequence[int],
    *,
    max_seconds: float = 5.0,
    repeats: int = 3,
) -> CostModel:
    """Return a cost model from timing `run(size, longest)` on a grid of shapes; the fastest of `repeats` counts.

    Shapes that would not fit into `max_seconds`, judged by the shapes before them, are not run: their cost is taken
    to grow with their tokens. The result never falls as size or length grows. Raises ValueError for an empty grid.
    """
    sizes, lengths = sorted(set(sizes)), sorted(set(lengths))
    if not sizes or not lengths or sizes[0] < 1 or lengths[0] < 1:
        raise ValueError("expected at least one size and one length, each of at least 1")
    deadline = now() + max_seconds
    measured: dict[tuple[int, int], float] = {}
    shapes = sorted(((s, n) for s in sizes for n in lengths), key=lambda shape: shape[0] * shape[1])
    run(*shapes[0])  # the first call of all pays for allocation and lazy initialisation
    seconds_per_token = 0.0
    for size, longest in shapes:
        tokens = size * longest
        guess = seconds_per_token * tokens
        best = math.inf
        for _ in range(repeats):
            if (measured or best < math.inf) and now() + min(guess, best) > deadline:
                break
            start = now()
            run(size, longest)
            best = min(best, now() - start)
        measured[size, longest] = best if best < math.inf else guess
        seconds_per_token = measured[size, longest] / tokens
    return _monotone(sizes, lengths, measured)


def refine_cost(
    cost: CostModel,
    run: Callable[[int, int], object],
    lengths: Sequence[int],
    *,
    max_size: int = 64,
    max_seconds: float = 5.0,
    repeats: int = 3,
) -> CostModel:
    """Return the model with the shapes measured on which a plan for `lengths` would spend most of its time.

    The plan changes with the model: it is made anew after each round, until what it spends its time on has been
    measured, or `max_seconds` are over. The result's `error` tells how far off the model was before, at these shapes.
    """
    deadline = now() + max_seconds
    known: set[tuple[int, int]] = {(s, n) for s in cost.sizes for n in cost.lengths}
    errors: list[float] = []
    for _ in range(_ROUNDS):
        spent: dict[tuple[int, int], float] = {}
        for batch in plan_batches(lengths, cost, max_size=max_size):
            shape = len(batch), max(1, max(lengths[i] for i in batch))
            spent[shape] = spent.get(shape, 0.0) + cost(*shape)
        unknown = sorted((shape for shape in spent if shape not in known), key=lambda shape: -spent[shape])
        share = sum(spent[shape] for shape in unknown) / max(sum(spent.values()), 1e-9)
        if not unknown or share < _MOST_UNMEASURED:
            break
        # Neighbouring lengths cost alike: a few shapes spread over the plan tell more than the few dearest.
        chosen = unknown[:: max(1, len(unknown) // _SHAPES_A_ROUND)][:_SHAPES_A_ROUND]
        measured: dict[tuple[int, int], float] = {}
        for shape in chosen:
            best = math.inf
            for _ in range(repeats):
                if now() + min(best, cost(*shape)) > deadline:
                    break
                start = now()
                run(*shape)
                best = min(best, now() - start)
            if best < math.inf:
                measured[shape] = best
                errors.append(abs(cost(*shape) / best - 1))
        if not measured:
            break
        known |= measured.keys()
        cost = _with_measured(cost, measured)
    return replace(cost, error=median(errors) if errors else cost.error)


_ROUNDS = 4
_SHAPES_A_ROUND = 6
# What a plan spends on shapes that nobody measured may be this share of its time.
_MOST_UNMEASURED = 0.25


def _with_measured(cost: CostModel, measured: Mapping[tuple[int, int], float]) -> CostModel:
    """Return the model on a finer grid that holds some more shapes; cells nobody measured follow their neighbours.

    A shape that costs less than the model said makes those between it and its neighbours cheaper in proportion.
    """
    sizes = sorted({*cost.sizes, *(s for s, _ in measured)})
    lengths = sorted({*cost.lengths, *(n for _, n in measured)})
    table = {(s, n): cost(s, n) for s in sizes for n in lengths}
    grid = {(s, n) for s in cost.sizes for n in cost.lengths}
    for (size, longest), seconds in measured.items():
        ratio = seconds / cost(size, longest)
        for s, n in table:
            # Of the new row and column, the cells nearest in shape; what was measured stays.
            if (s, n) not in grid and (s, n) not in measured and (s == size or n == longest):
                nearness = min(s, size) / max(s, size) * min(n, longest) / max(n, longest)
                table[s, n] *= ratio**nearness
        table[size, longest] = seconds
    return _monotone(sizes, lengths, table)


def _monotone(sizes: Sequence[int], lengths: Sequence[int], seconds: Mapping[tuple[int, int], float]) -> CostModel:
    """Return a model of a table of seconds, raised where it falls as size or length grows."""
    table = [[seconds[s, n] for n in lengths] for s in sizes]
    for i, row in enumerate(table):
        for j in range(len(row)):
            row[j] = max(row[j], row[j - 1] if j else 0.0, table[i - 1][j] if i else 0.0)
    return CostModel(tuple(sizes), tuple(lengths), tuple(tuple(row) for row in table))
