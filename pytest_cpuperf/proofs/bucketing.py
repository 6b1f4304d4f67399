"""The proof of the bucketing heuristic: planned batches against a padded baseline, on the user's own texts.

Both arms do the whole job in every round, tokenising, sorting and restoring the order included, on the same pinned
CPUs, one right after the other. Their outputs are compared before anything is timed.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from pytest_cpuperf.batching import (
    Batch,
    CostModel,
    arrival_batches,
    measure_cost,
    padded_tokens,
    plan_batches,
    sorted_batches,
)
from pytest_cpuperf.errors import UsageError, nearest
from pytest_cpuperf.measure.pairs import Outcome, Patience, Quantity, measure_pairs, speedup
from pytest_cpuperf.proofs.encoders import Encoder, as_encoder, require, rows
from pytest_cpuperf.results.figures import amount
from pytest_cpuperf.results.records import ArmResult, BucketingMeasurement, Budget, Verdict

BASELINES = ("padded", "arrival")
# Rounds a measurement should have room for: one to compare outputs, two to warm up, eight pairs, and half as many
# again, because a machine that is slower for a while must not leave too few.
_ROUNDS = 16
_FEWEST_TEXTS = 8
_LARGEST_BATCH = 64
_SEED = 20261123


@dataclass(frozen=True)
class Job:
    """The work whose arms are compared: some texts, and how to encode them."""

    encoder: Encoder
    tokenizer: Any
    texts: tuple[str, ...]
    batch_size: int
    max_length: int

    def tokenise(self) -> list[list[int]]:
        """Return each text's token ids, cut at `max_length`."""
        ids: list[list[int]] = self.tokenizer(list(self.texts), truncation=True, max_length=self.max_length)[
            "input_ids"
        ]
        return ids

    def run(self, ids: Sequence[Sequence[int]], batches: Sequence[Batch], constant: bool) -> list[Any]:
        """Return the outputs for all texts in their original order, batch by batch."""
        outputs: list[Any] = [None] * len(ids)
        for batch in batches:
            padded = self.tokenizer.pad(
                {"input_ids": [ids[i] for i in batch]},
                padding="max_length" if constant else "longest",
                max_length=self.max_length if constant else None,
                return_tensors=self.encoder.tensors,
            )
            output = self.encoder.run(padded)
            lengths = [len(ids[i]) for i in batch]
            left = getattr(self.tokenizer, "padding_side", "right") == "left"
            for i, row in zip(batch, rows(output, lengths, padded["input_ids"].shape[1], left), strict=True):
                outputs[i] = row
        return outputs


@dataclass(frozen=True)
class Arm:
    """One way of doing the job."""

    name: str
    batches: Callable[[Sequence[int]], list[Batch]]
    """From lengths in tokens to batches."""
    constant: bool = False
    """Whether batches are padded to `max_length` rather than to their longest text."""

    def work(self, job: Job) -> list[Any]:
        """Do the whole job once: tokenise, cut into batches, run, restore the order."""
        ids = job.tokenise()
        return job.run(ids, self.batches([len(i) for i in ids]), self.constant)

    def summary(self, job: Job, lengths: Sequence[int], seconds: Sequence[float]) -> ArmResult:
        """Return the arm's figures; `seconds` are those of its rounds."""
        batches = self.batches(lengths)
        padded = len(lengths) * job.max_length if self.constant else padded_tokens(lengths, batches)
        speed = len(lengths) / median(seconds) if seconds else math.nan
        return ArmResult(self.name, len(batches), padded, sum(lengths), speed)


def measure_bucketing(
    model: Any,
    tokenizer: Any,
    texts: Sequence[str],
    *,
    batch_size: int,
    max_length: int,
    over: str,
    at_least: float | None,
    tolerance: float,
    patience: Patience,
    cpus: tuple[int, ...],
) -> BucketingMeasurement:
    """Return the speedup of planned batches over the arm `over` (`padded` to `max_length`, or `arrival` order).

    Where all texts would take too long, a random sample of them is measured, and the record says so. Outputs must
    agree within `tolerance`, absolutely, on real positions and in the original order; where they do not, the
    verdict is fail, whatever the speed. Raises UsageError for arguments that make no experiment.
    """
    began = time.perf_counter()
    whole = prepare(model, tokenizer, texts, batch_size, max_length, over)
    job = _sample(whole, over, patience.max_seconds)
    cost = _measure_cost(job, patience.max_seconds * 0.1)
    planned = Arm("planned", lambda lengths: plan_batches(lengths, cost, max_size=_LARGEST_BATCH))
    baseline = _baseline(over, batch_size)
    budget = None if at_least is None else Budget(at_least, "×")
    lengths = [len(ids) for ids in job.tokenise()]

    worst, text_index = _worst_difference(planned.work(job), baseline.work(job))
    if not worst <= tolerance:
        shown = job.texts[text_index][:40].replace("\n", " ")
        return BucketingMeasurement(
            kind="bucketing",
            label="bucketing",
            verdict=Verdict.FAIL,
            reason=(
                f"outputs differ by {worst:.2g} between planned and {over} batches (tolerance {tolerance:g}; worst "
                f"text {text_index}: {shown!r}): this model's outputs move with padding"
            ),
            estimate=None,
            budget=budget,
            arms=tuple(a.summary(job, lengths, ()) for a in (planned, baseline)),
            sequences=len(job.texts),
            sequences_given=len(texts),
            worst_difference=worst,
            tolerance=tolerance,
        )
    left = max(1.0, patience.max_seconds - (time.perf_counter() - began))
    quantity = Quantity(speedup, "×", at_least)
    outcome = measure_pairs(
        lambda: planned.work(job), lambda: baseline.work(job), quantity, Patience(left, patience.confidence), cpus
    )
    return _record(outcome, job, (planned, baseline), lengths, budget, len(texts), worst, tolerance)


def prepare(model: Any, tokenizer: Any, texts: Sequence[str], batch_size: int, max_length: int, over: str) -> Job:
    """Return the job for some arguments of a user, or raise UsageError saying which of them is wrong."""
    require("numpy", "cpuperf.bucketing", "transformers")
    if over not in BASELINES:
        raise UsageError(f"over takes one of {', '.join(BASELINES)}, found {over!r}{nearest(over, BASELINES)}")
    if isinstance(texts, str) or not all(isinstance(t, str) for t in texts):
        raise UsageError("texts takes a list of strings")
    if len(texts) < 2:
        raise UsageError(f"bucketing needs at least 2 texts, found {len(texts)}")
    for name, value in (("batch_size", batch_size), ("max_length", max_length)):
        if value < 1:
            raise UsageError(f"{name} takes a whole number of at least 1, found {value!r}")
    if not hasattr(tokenizer, "pad"):
        raise UsageError(f"tokenizer takes a transformers tokenizer, found {type(tokenizer).__name__}")
    if getattr(tokenizer, "pad_token", None) is None:
        raise UsageError("this tokenizer has no pad token: set tokenizer.pad_token before batching")
    return Job(as_encoder(model), tokenizer, tuple(texts), batch_size, max_length)


def run_once(job: Job) -> None:
    """Encode one batch of the texts, untimed: what the fixture does when the plugin is off."""
    few = replace(job, texts=job.texts[: job.batch_size])
    Arm("sorted", lambda lengths: sorted_batches(lengths, job.batch_size)).work(few)


def _baseline(over: str, batch_size: int) -> Arm:
    return Arm(over, lambda lengths: arrival_batches(len(lengths), batch_size), constant=over == "padded")


def _sample(job: Job, over: str, max_seconds: float) -> Job:
    """Return the job with as many texts as the slow arm can do in every round; 8 at least."""
    few = replace(job, texts=job.texts[:_FEWEST_TEXTS])
    arm = _baseline(over, job.batch_size)
    arm.work(few)  # the first pass of all pays for lazy initialisation
    start = time.perf_counter()
    arm.work(few)
    seconds_per_text = (time.perf_counter() - start) / len(few.texts)
    # What is left after this and the cost model goes to rounds; the planned arm is far quicker than the slow one.
    left = 0.85 * max_seconds - 2 * len(few.texts) * seconds_per_text
    count = max(int(left / _ROUNDS / (1.1 * seconds_per_text)), _FEWEST_TEXTS)
    if count >= len(job.texts):
        return job
    chosen = sorted(random.Random(_SEED).sample(range(len(job.texts)), count))
    return replace(job, texts=tuple(job.texts[i] for i in chosen))


def _measure_cost(job: Job, max_seconds: float) -> CostModel:
    """Return the measured cost of batches, on shapes up to the longest text."""
    ids = job.tokenise()
    tokens = [token for text in ids for token in text] or [0]
    longest = max(max(len(text) for text in ids), 2)
    sizes = [s for s in (1, 4, 16, 64) if s < len(ids)] + [min(len(ids), _LARGEST_BATCH)]
    lengths = [n for n in (8, 32, 128) if n < longest] + [longest]

    def run(size: int, length: int) -> object:
        sequence = (tokens * math.ceil(length / len(tokens)))[:length]
        return job.run([sequence] * size, [tuple(range(size))], constant=False)

    return measure_cost(run, sizes, lengths, max_seconds=max_seconds, repeats=2)


def _worst_difference(left: Sequence[Any], right: Sequence[Any]) -> tuple[float, int]:
    """Return the largest absolute difference between two lists of outputs, and the index of the text it is in."""
    import numpy  # a framework: only where outputs are compared

    worst, index = 0.0, 0
    for i, (a, b) in enumerate(zip(left, right, strict=True)):
        difference = numpy.abs(numpy.asarray(a, dtype=numpy.float64) - numpy.asarray(b, dtype=numpy.float64))
        largest = float(difference.max(initial=0.0))
        if math.isnan(largest):
            return largest, i
        if largest > worst:
            worst, index = largest, i
    return worst, index


def _record(
    outcome: Outcome,
    job: Job,
    arms: tuple[Arm, Arm],
    lengths: Sequence[int],
    budget: Budget | None,
    given: int,
    worst: float,
    tolerance: float,
) -> BucketingMeasurement:
    planned, baseline = arms
    results = (
        planned.summary(job, lengths, [p.candidate_seconds for p in outcome.pairs]),
        baseline.summary(job, lengths, [p.baseline_seconds for p in outcome.pairs]),
    )
    reason = outcome.reason
    if outcome.verdict is Verdict.FAIL:
        saved = results[1].padded_tokens / max(1, results[0].padded_tokens)
        reason = f"the plan saves {amount(saved)}× of the tokens the {baseline.name} arm runs on these texts"
    return BucketingMeasurement(
        kind="bucketing",
        label="bucketing",
        budget=budget,
        **{**vars(outcome), "reason": reason},
        arms=results,
        sequences=len(job.texts),
        sequences_given=given,
        worst_difference=worst,
        tolerance=tolerance,
    )
