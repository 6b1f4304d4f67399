"""Running a plan: results in the order the inputs came, whole, or in windows for a stream of requests."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import median
from typing import TypeVar

from pytest_cpuperf.batching.plans import Batch

Input = TypeVar("Input")
Result = TypeVar("Result")


def run_planned(
    model_call: Callable[[list[Input]], Iterable[Result]], inputs: Sequence[Input], plan: Iterable[Batch]
) -> list[Result]:
    """Run each batch of a plan, and return the results in the inputs' order.

    `model_call` takes the inputs of one batch and returns as many results, in the same order. Raises ValueError where
    it returns another number, or the plan does not hold each input once.
    """
    results = dict(stream_planned(model_call, inputs, plan))
    return [results[i] for i in range(len(inputs))]


def stream_planned(
    model_call: Callable[[list[Input]], Iterable[Result]], inputs: Sequence[Input], plan: Iterable[Batch]
) -> Iterator[tuple[int, Result]]:
    """Yield (index of the input, result) as soon as the batch is done that the input is in, batch by batch.

    For services that answer each request when they can. Raises ValueError as `run_planned` does.
    """
    seen: set[int] = set()
    for batch in plan:
        for index in batch:
            if not 0 <= index < len(inputs) or index in seen:
                raise ValueError(f"expected a plan that holds each of {len(inputs)} inputs once, found {index} wrongly")
            seen.add(index)
        answers = list(model_call([inputs[i] for i in batch]))
        if len(answers) != len(batch):
            raise ValueError(f"expected {len(batch)} results for a batch of {len(batch)}, found {len(answers)}")
        yield from zip(batch, answers, strict=True)
    if len(seen) != len(inputs):
        raise ValueError(f"expected a plan that holds each of {len(inputs)} inputs once, found {len(seen)} of them")


def run_window(
    model_call: Callable[[list[Input]], Iterable[Result]],
    inputs: Iterable[Input],
    length: Callable[[Input], int],
    planner: Callable[[list[int]], Iterable[Batch]],
    window: int,
) -> Iterator[Result]:
    """Yield results in order for a stream of inputs, planning within windows of so many of them.

    Sorting pays more the more there is to sort, and costs waiting: the first input of a window waits until `window - 1`
    others have come and all of them have run. `planner` takes the window's lengths, such as
    `lambda lengths: plan_batches(lengths, cost)`. Raises ValueError for a window below 1.
    """
    if window < 1:
        raise ValueError(f"expected a window of at least 1, found {window}")
    waiting: list[Input] = []
    for item in inputs:
        waiting.append(item)
        if len(waiting) == window:
            yield from run_planned(model_call, waiting, planner([length(i) for i in waiting]))
            waiting = []
    if waiting:
        yield from run_planned(model_call, waiting, planner([length(i) for i in waiting]))


def window_waiting(arrival_seconds: Sequence[float], window: int) -> tuple[float, float]:
    """Return the (median, longest) seconds that inputs wait for their window to be full, given when each arrives.

    The last window is full when the last input arrives. That is the waiting which planning in windows adds; running the
    batches comes on top. Raises ValueError for a window below 1, no arrivals, or arrivals that go back in time.
    """
    if window < 1 or not arrival_seconds:
        found = f"a window of {window} and {len(arrival_seconds)} arrivals"
        raise ValueError(f"expected a window of at least 1 and at least one arrival, found {found}")
    if any(b < a for a, b in itertools.pairwise(arrival_seconds)):
        raise ValueError("expected arrivals in ascending order")
    last = len(arrival_seconds) - 1
    waits = [
        arrival_seconds[min(last, i // window * window + window - 1)] - arrived
        for i, arrived in enumerate(arrival_seconds)
    ]
    return median(waits), max(waits)
