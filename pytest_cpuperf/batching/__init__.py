"""Batches for sequences of different lengths. Pure functions, useful in production without pytest.

    from pytest_cpuperf.batching import padding_waste, plan_batches

    for batch in plan_batches(lengths, cost=cost_model):
        outputs = model(**tokenizer([texts[i] for i in batch], padding=True, return_tensors="pt"))

A batch is a tuple of indices into the sequences as they were given; a plan is a list of batches that holds every
index once.
"""

from pytest_cpuperf.batching.cost import CostModel, measure_cost
from pytest_cpuperf.batching.lengths import LengthStatistics, length_statistics, padded_tokens, padding_waste
from pytest_cpuperf.batching.plans import Batch, arrival_batches, plan_batches, sorted_batches, token_budget_batches
from pytest_cpuperf.batching.running import run_planned, run_window

__all__ = [
    "Batch",
    "CostModel",
    "LengthStatistics",
    "arrival_batches",
    "length_statistics",
    "measure_cost",
    "padded_tokens",
    "padding_waste",
    "plan_batches",
    "run_planned",
    "run_window",
    "sorted_batches",
    "token_budget_batches",
]
