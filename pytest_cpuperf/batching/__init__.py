"""Batches for sequences of different lengths. Pure functions, useful in production without pytest.

    from pytest_cpuperf.batching import padding_waste, plan_batches

    for batch in plan_batches(lengths, cost=cost_model):
        outputs = model(**tokenizer([texts[i] for i in batch], padding=True, return_tensors="pt"))

A batch is a tuple of indices into the sequences as they were given; a plan is a list of batches that holds every
index once.
"""

from pytest_cpuperf.batching.cost import CostModel, measure_cost, refine_cost
from pytest_cpuperf.batching.lengths import (
    LengthStatistics,
    length_histogram,
    length_statistics,
    padded_tokens,
    padding_waste,
    speedup_ceiling,
)
from pytest_cpuperf.batching.plans import (
    Batch,
    PaddedBatch,
    arrival_batches,
    one_by_one_batches,
    plan_batches,
    plan_shapes,
    sorted_batches,
    token_budget_batches,
)
from pytest_cpuperf.batching.running import run_planned, run_window, stream_planned, window_waiting

__all__ = [
    "Batch",
    "CostModel",
    "LengthStatistics",
    "PaddedBatch",
    "arrival_batches",
    "length_histogram",
    "length_statistics",
    "measure_cost",
    "one_by_one_batches",
    "padded_tokens",
    "padding_waste",
    "plan_batches",
    "plan_shapes",
    "refine_cost",
    "run_planned",
    "run_window",
    "sorted_batches",
    "speedup_ceiling",
    "stream_planned",
    "token_budget_batches",
    "window_waiting",
]
