"""Throughput against items per second, or against the machine's peak; `measure.stored` holds it against a stored run.

The other side of every pair is a matrix product: a small one for the machine's mood, or the fastest where the budget
is a share of the peak.
"""

from __future__ import annotations

from dataclasses import replace

from pytest_cpuperf.measure.blocks import Work
from pytest_cpuperf.measure.budgets import PEAK, BudgetShare
from pytest_cpuperf.measure.pairs import Quantity, also_estimate, measure_pairs, speedup
from pytest_cpuperf.measure.peak import count_flops, peak_kernel
from pytest_cpuperf.measure.reference import reference_kernel
from pytest_cpuperf.measure.sequential import Patience
from pytest_cpuperf.results.measurements import Pair, ThroughputMeasurement
from pytest_cpuperf.results.remarks.measuring import ReachedOfPeak
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Budget


def measure_throughput(
    function: Work,
    items: float,
    unit: str,
    goal: float | BudgetShare | None,
    patience: Patience,
    cpus: tuple[int, ...],
) -> ThroughputMeasurement:
    """Measure items per second; `goal` is the budget. What is a share of a stored run is judged by `measure.stored`."""
    if isinstance(goal, BudgetShare) and goal.of == PEAK:
        return _of_peak(function, items, unit, goal, patience, cpus)
    kernel, kernel_name = reference_kernel(len(cpus) or 1)

    def rate(pair: Pair) -> float:
        return items / pair.candidate_seconds

    per_second = Unit(f"{unit}/s")
    budget: Budget | None = None
    quantity = Quantity(rate, per_second, None, carried=speedup)
    if isinstance(goal, float):
        budget = Budget(goal, per_second)
        quantity = replace(quantity, at_least=goal, disturbance_only_slows=True)
    outcome = measure_pairs(function, kernel, quantity, patience, cpus)
    return ThroughputMeasurement(
        label="throughput",
        budget=budget,
        relative=also_estimate(outcome, speedup, Unit("×")),
        rate=also_estimate(outcome, rate, per_second),
        reference=kernel_name,
        **outcome.fields,
    )


def _of_peak(
    function: Work, items: float, unit: str, goal: BudgetShare, patience: Patience, cpus: tuple[int, ...]
) -> ThroughputMeasurement:
    """Measure the share of the peak: floating-point operations per second over those of the fastest matrix product."""
    peak, peak_flops, name = peak_kernel(len(cpus) or 1)
    flops = count_flops(function)

    def share(pair: Pair) -> float:
        return 100 * (flops / pair.candidate_seconds) / (peak_flops / pair.baseline_seconds)

    budget = Budget(100 * goal.fraction, Unit("% of peak"))
    outcome = measure_pairs(function, peak, Quantity(share, budget.unit, budget.at_least), patience, cpus)
    gflops = Unit("GFLOP/s")
    rate = also_estimate(outcome, lambda p: items / p.candidate_seconds, Unit(f"{unit}/s"))
    speed = also_estimate(outcome, lambda p: flops / p.candidate_seconds / 1e9, gflops)
    best = also_estimate(outcome, lambda p: peak_flops / p.baseline_seconds / 1e9, gflops)
    notes = (ReachedOfPeak(speed.point, best.point),) if speed and best else ()
    return ThroughputMeasurement(
        label="throughput",
        budget=budget,
        rate=rate,
        reference=name,
        flops_per_call=flops,
        **{**outcome.fields, "notes": (*outcome.notes, *notes)},
    )
