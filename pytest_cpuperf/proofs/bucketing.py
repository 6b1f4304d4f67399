"""The proof of the bucketing heuristic: planned batches against a padded baseline, on the user's own texts.

All arms do the whole job in every round, tokenising, sorting and restoring the order included, on the same pinned
CPUs, one right after the other. Their outputs are compared with those of each text on its own before anything is
timed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import Any

from pytest_cpuperf.batching import (
    Batch,
    CostModel,
    arrival_batches,
    length_histogram,
    measure_cost,
    one_by_one_batches,
    padded_tokens,
    plan_batches,
    refine_cost,
    sorted_batches,
    speedup_ceiling,
)
from pytest_cpuperf.errors import UsageError, nearest
from pytest_cpuperf.machine.memory import peak_memory
from pytest_cpuperf.measure.pairs import Outcome, Patience, Quantity, also_estimate, measure_pairs, speedup
from pytest_cpuperf.proofs.agreement import why_outputs_move, worst_difference
from pytest_cpuperf.proofs.encoders import require
from pytest_cpuperf.proofs.jobs import Job, as_job
from pytest_cpuperf.results.figures import amount
from pytest_cpuperf.results.records import ArmResult, BucketingMeasurement, Budget, Estimate, Pair, Verdict

BASELINES = ("padded", "arrival")
# Rounds a measurement should have room for: two to look at each arm and warm up, eight pairs, and half as many again,
# because a machine that is slower for a while must not leave too few.
_ROUNDS = 16
_FEWEST_TEXTS = 8
_LARGEST_BATCH = 64
UNIFORM = 1.05
"""Where arrival order has fewer tokens than this for each real one, no plan is worth its trouble."""


@dataclass(frozen=True)
class Arm:
    """One way of doing the job."""

    name: str
    batches: Callable[[Sequence[int]], list[Batch]]
    """From lengths in tokens to batches."""
    padded_to: int | None = None
    """The length that every batch is padded to; None: to its longest sequence."""

    def work(self, job: Job, seconds: list[float] | None = None) -> list[Any]:
        """Do the whole job once: tokenise, cut into batches, run, restore the order."""
        ids = job.tokenise()
        return job.run(ids, self.batches([len(i) for i in ids]), self.padded_to, seconds)


@dataclass(frozen=True)
class Look:
    """What one pass of an arm showed, before anything was timed for a verdict."""

    difference: float
    """The largest absolute difference to the outputs of each sequence on its own."""
    index: int
    """The sequence it is in."""
    batch_seconds: tuple[float, ...]
    """For each sequence, how long its batch took."""
    peak_bytes: int | None


def measure_bucketing(
    model: Any,
    tokenizer: Any,
    texts: Sequence[Any],
    *,
    batch_size: int,
    max_length: int | None,
    over: str,
    at_least: float | None,
    tolerance: float,
    patience: Patience,
    cpus: tuple[int, ...],
) -> BucketingMeasurement:
    """Return the speedup of planned batches over the arm `over` (`padded` to `max_length`, or `arrival` order).

    Where all texts would take too long, a random sample of them is measured, and the record says so. The outputs of
    every arm must agree with those of each text on its own within `tolerance`, absolutely, on real positions and in
    the original order; where they do not, the verdict is fail, whatever the speed. Raises UsageError for arguments
    that make no experiment.
    """
    began = time.perf_counter()
    whole = prepare(model, tokenizer, texts, batch_size, max_length, over)
    baseline, *others = _simple_arms(whole, over)
    job = _sample(whole, [baseline, *others], patience.max_seconds)
    lengths = [len(ids) for ids in job.tokenise()]
    cost = _measure_cost(job, lengths, patience.max_seconds * 0.15)
    planned = Arm("planned", lambda found: plan_batches(found, cost, max_size=_LARGEST_BATCH))
    arms = [planned, baseline, *others]
    budget = None if at_least is None else Budget(at_least, "×")

    alone = job.one_by_one()
    looks = [_look(arm, job, alone) for arm in arms]
    del alone
    nothing = BucketingMeasurement(
        kind="bucketing",
        label="bucketing",
        verdict=Verdict.FAIL,
        reason="",
        estimate=None,
        budget=budget,
        sequences=len(lengths),
        sequences_given=len(texts),
        worst_difference=max((look.difference for look in looks), key=lambda d: (math.isnan(d), d)),
        tolerance=tolerance,
        length_histogram=length_histogram(lengths),
        cost_error=cost.error,
    )
    for arm, look in zip(arms, looks, strict=True):
        if not look.difference <= tolerance:
            reason = (
                f"outputs differ by {look.difference:.2g} between {arm.name} batches and each text on its own "
                f"(tolerance {tolerance:g}; worst text {look.index}: {job.shown(look.index)}): "
                f"{why_outputs_move(model, job)}"
            )
            results = tuple(_result(a, k, lengths) for a, k in zip(arms, looks, strict=True))
            return replace(nothing, reason=reason, arms=results)
    left = max(1.0, patience.max_seconds - (time.perf_counter() - began))
    outcome = measure_pairs(
        partial(planned.work, job),
        partial(baseline.work, job),
        Quantity(speedup, "×", at_least),
        replace(patience, max_seconds=left),
        cpus,
        also=tuple(partial(arm.work, job) for arm in others),
    )
    results = tuple(
        _with_speed(_result(arm, look, lengths), len(lengths), outcome, k, patience.confidence)
        for k, (arm, look) in enumerate(zip(arms, looks, strict=True))
    )
    ceiling = speedup_ceiling(lengths, baseline.batches(lengths), baseline.padded_to)
    outcome_fields = {**vars(outcome), "reason": outcome.reason or _why(outcome, results, ceiling, at_least)}
    return replace(nothing, **outcome_fields, arms=results, ceiling=ceiling, notes=_notes(whole, lengths, batch_size))


def prepare(
    model: Any, tokenizer: Any, texts: Sequence[Any], batch_size: int, max_length: int | None, over: str
) -> Job:
    """Return the job for some arguments of a user, or raise UsageError saying which of them is wrong."""
    require("numpy", "cpuperf.bucketing", "transformers")
    if over not in BASELINES:
        raise UsageError(f"over takes one of {', '.join(BASELINES)}, found {over!r}{nearest(over, BASELINES)}")
    return as_job(model, tokenizer, texts, batch_size, max_length)


def run_once(job: Job) -> None:
    """Encode one batch of the texts, untimed: what the fixture does when the plugin is off."""
    Arm("sorted", lambda lengths: sorted_batches(lengths, job.batch_size)).work(job.first(job.batch_size))


def _simple_arms(job: Job, over: str) -> list[Arm]:
    """Return the arms that need no cost model, the baseline first. Constant padding, by far the slowest, is measured
    only where it is the baseline.
    """
    arrival = Arm("arrival", lambda lengths: arrival_batches(len(lengths), job.batch_size))
    padded = replace(arrival, name="padded", padded_to=job.max_length)
    rest = [
        Arm("one by one", lambda lengths: one_by_one_batches(len(lengths))),
        Arm("sorted", lambda lengths: sorted_batches(lengths, job.batch_size)),
    ]
    return [padded, arrival, *rest] if over == "padded" else [arrival, *rest]


def _sample(job: Job, arms: Sequence[Arm], max_seconds: float) -> Job:
    """Return the job with as many texts as all arms can do in every round; 8 at least."""
    few = job.first(_FEWEST_TEXTS)
    for arm in arms:
        arm.work(few)  # the first pass of all pays for lazy initialisation
    start = time.perf_counter()
    for arm in arms:
        arm.work(few)
    # The planned arm, not here yet, is about as quick as the sorted one.
    seconds_per_text = 1.1 * (time.perf_counter() - start) / len(few.sequences)
    left = 0.8 * max_seconds - 2 * len(few.sequences) * seconds_per_text
    return job.sample(max(int(left / _ROUNDS / (1.1 * seconds_per_text)), _FEWEST_TEXTS))


def _measure_cost(job: Job, lengths: Sequence[int], max_seconds: float) -> CostModel:
    """Return the measured cost of batches, on shapes up to the longest text, refined where a plan would land."""
    tokens = [token for ids in job.tokenise() for token in ids] or [0]
    longest = max(*lengths, 2)
    sizes = [s for s in (1, 4, 16, 64) if s < len(lengths)] + [min(len(lengths), _LARGEST_BATCH)]
    grid = [n for n in (8, 32, 128) if n < longest] + [longest]

    def run(size: int, length: int) -> object:
        sequence = (tokens * math.ceil(length / len(tokens)))[:length]
        return job.run([sequence] * size, [tuple(range(size))])

    cost = measure_cost(run, sizes, grid, max_seconds=max_seconds / 2, repeats=2)
    return refine_cost(cost, run, lengths, max_size=_LARGEST_BATCH, max_seconds=max_seconds / 2, repeats=2)


def _look(arm: Arm, job: Job, alone: Sequence[Any]) -> Look:
    """Run an arm once, and see what it gives, how long batches take and how much memory it needs."""
    seconds = [0.0] * len(alone)
    with peak_memory() as peak:
        outputs = arm.work(job, seconds)
    difference, index = worst_difference(outputs, alone)
    return Look(difference, index, tuple(seconds), peak.added_bytes)


def _seconds(pair: Pair, arm: int) -> float:
    """Return the seconds of one arm in a round: planned, baseline, and then the others."""
    return (pair.candidate_seconds, pair.baseline_seconds, *pair.also_seconds)[arm]


def _result(arm: Arm, look: Look, lengths: Sequence[int]) -> ArmResult:
    """Return what is known of an arm before it is timed for the verdict."""
    batches = arm.batches(lengths)
    ordered = sorted(look.batch_seconds)
    return ArmResult(
        arm=arm.name,
        batches=len(batches),
        padded_tokens=padded_tokens(lengths, batches, arm.padded_to),
        real_tokens=sum(lengths),
        sequences_per_second=math.nan,
        real_tokens_per_second=math.nan,
        p50_seconds=ordered[len(ordered) // 2],
        p95_seconds=ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))],
        peak_memory_bytes=look.peak_bytes,
    )


def _with_speed(result: ArmResult, sequences: int, outcome: Outcome, arm: int, confidence: float) -> ArmResult:
    """Return an arm's result with how fast it was over the rounds, by itself and over the baseline."""
    if not outcome.pairs:
        return result

    def estimate(of_pair: Callable[[Pair], float], unit: str) -> Estimate | None:
        return also_estimate(outcome.pairs, of_pair, unit, confidence)

    each = median(_seconds(pair, arm) for pair in outcome.pairs)
    over_baseline = estimate(lambda p: p.baseline_seconds / _seconds(p, arm), "×")
    return replace(
        result,
        sequences_per_second=sequences / each,
        real_tokens_per_second=result.real_tokens / each,
        throughput=estimate(lambda p: sequences / _seconds(p, arm), "sequences/s"),
        # The first two are the pair that the verdict is on.
        speedup=(outcome.estimate, None)[arm] if arm < 2 else over_baseline,
    )


def _why(outcome: Outcome, arms: Sequence[ArmResult], ceiling: float, at_least: float | None) -> str:
    """Return what a lost budget is put down to: the data, the plan or the overhead."""
    if outcome.verdict is not Verdict.FAIL or at_least is None:
        return ""
    planned, baseline = arms[0], arms[1]
    saved = baseline.padded_tokens / max(1, planned.padded_tokens)
    if ceiling < at_least:
        return (
            f"the data: {1 / ceiling:.0%} of the tokens of the {baseline.arm} arm are real, so that no plan can leave "
            f"out more than {amount(ceiling)}×"
        )
    if saved < at_least:
        return f"the plan: it leaves out {amount(saved)}× of the tokens, where {amount(ceiling)}× could be"
    return (
        f"the overhead: the plan leaves out {amount(saved)}× of the tokens, and the time does not follow; tokenising "
        "and the cost of each call are in it"
    )


def _notes(job: Job, lengths: Sequence[int], batch_size: int) -> tuple[str, ...]:
    notes = []
    waste = speedup_ceiling(lengths, arrival_batches(len(lengths), batch_size))
    if waste < UNIFORM:
        notes.append(
            f"bucketing does not pay here: the texts are of nearly equal length, and arrival order pads only "
            f"{1 - 1 / waste:.0%} of its tokens"
        )
    cut = job.cut_off()
    if cut:
        notes.append(f"{cut} of {len(job.sequences)} texts are longer than max_length={job.max_length} and were cut")
    return tuple(notes)
