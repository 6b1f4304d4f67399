"""The proof of the bucketing heuristic: planned batches against a padded baseline, on the user's own texts.

All arms do the whole job in every round, tokenising and restoring the order included, on the same pinned CPUs, one
right after the other. Where that would take too long, each arm still cuts all texts into batches, and every round times
a part of them (`parts`). Outputs are compared with those of each text on its own before anything is timed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pytest_cpuperf.batching import (
    CostModel,
    arrival_batches,
    length_histogram,
    measure_cost,
    plan_batches,
    refine_cost,
    speedup_ceiling,
)
from pytest_cpuperf.clock import now
from pytest_cpuperf.errors import UsageError, nearest
from pytest_cpuperf.measure.blocks import TimeOverError
from pytest_cpuperf.measure.outcome import Outcome
from pytest_cpuperf.measure.pairs import measure_pairs
from pytest_cpuperf.measure.sequential import Patience
from pytest_cpuperf.measure.tracing import untraced
from pytest_cpuperf.proofs.bucketing.agreement import why_outputs_move
from pytest_cpuperf.proofs.bucketing.arms import Arm, FirstPass, TimedArm, simple_arms, timed_arms
from pytest_cpuperf.proofs.bucketing.jobs import Job, as_job
from pytest_cpuperf.proofs.bucketing.judging import CUT_ALLOWANCE, JobSeconds, estimated_too, rate, ratio
from pytest_cpuperf.proofs.encoders import require
from pytest_cpuperf.results.measurements import ArmResult, BucketingMeasurement, Pair
from pytest_cpuperf.results.remarks import Remark
from pytest_cpuperf.results.remarks.bucketing import (
    BatchCut,
    DataAllowLittle,
    EqualLengths,
    OutputsDiffer,
    PlanSavesLittle,
    TextsCut,
    TimeDoesNotFollow,
)
from pytest_cpuperf.results.remarks.measuring import TimeOver
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Budget, Verdict

BASELINES = ("padded", "arrival")
LARGEST_BATCH = 64
"""The most sequences a planned batch holds."""
UNIFORM = 1.05
"""Where arrival order has fewer tokens than this for each real one, no plan is worth its trouble."""
# Rounds a measurement should have room for: two to look at each arm and warm up, eight pairs, and half as many again,
# because a machine that is slower for a while must not leave too few.
_ROUNDS = 16
# Of more texts a random sample is tokenised and planned for.
_MOST_TEXTS = 20_000


@dataclass(frozen=True)
class _Experiment:
    """All that is known before anything is timed for a verdict."""

    given: Job
    job: Job
    """`given`, or a sample of very many texts."""
    lengths: Sequence[int]
    cost: CostModel
    arms: Sequence[TimedArm]
    """The planned one, the baseline, and the others."""
    first_passes: Sequence[FirstPass]
    confidence: float

    def seconds(self, k: int) -> JobSeconds:
        """Return what the whole job takes arm `k`, as rounds show it."""
        arm = self.arms[k]

        def of_round(pair: Pair) -> float:
            return arm.whole_seconds((pair.candidate_seconds, pair.baseline_seconds, *pair.also_seconds)[k])

        return JobSeconds.of(of_round, arm.parts)

    def results(self) -> tuple[ArmResult, ...]:
        """Return what is known of the arms so far."""
        return tuple(arm.result(first) for arm, first in zip(self.arms, self.first_passes, strict=True))

    def sequences_timed(self) -> int:
        """Return how many sequences were run so far, by any arm."""
        return len(set().union(*(arm.sequences_timed for arm in self.arms)))


@untraced
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

    Where all texts would take too long, every round times other batches of each arm, and the interval holds how much
    they differ. The outputs of every arm must agree with those of each text on its own within `tolerance`, absolutely,
    on real positions and in the original order; where they do not, the verdict is fail, whatever the speed. Raises
    UsageError for arguments that make no experiment.
    """
    began = now()
    given = prepare(model, tokenizer, texts, batch_size, max_length, over)
    nothing = BucketingMeasurement(
        label="bucketing",
        verdict=Verdict.FAIL,
        estimate=None,
        budget=None if at_least is None else Budget(at_least, Unit("×")),
        baseline=over,
        sequences_given=len(texts),
        tolerance=tolerance,
    )
    try:
        experiment = _set_up(given, over, patience, began + patience.max_seconds)
    except TimeOverError as error:
        over_time = TimeOver(error.calls, error.seconds, patience.max_seconds)
        return replace(nothing, verdict=Verdict.INCONCLUSIVE, reason=over_time, seconds_spent=now() - began)
    nothing = replace(
        nothing,
        arms=experiment.results(),
        sequences=len(experiment.lengths),
        sequences_timed=experiment.sequences_timed(),
        worst_difference=max((first.difference for first in experiment.first_passes), key=lambda d: (math.isnan(d), d)),
        length_histogram=length_histogram(experiment.lengths),
        cost_error=experiment.cost.error,
    )
    disagreement = _disagreement(experiment, model, tolerance)
    if disagreement is not None:
        return replace(nothing, reason=disagreement)
    left = patience.max_seconds - (now() - began)
    outcome = _measure(experiment, at_least, replace(patience, max_seconds=left), cpus)
    results = tuple(_with_speed(result, experiment, k, outcome) for k, result in enumerate(experiment.results()))
    baseline = experiment.arms[1]
    ceiling = speedup_ceiling(experiment.lengths, baseline.batches, baseline.arm.padded_to)
    return replace(
        nothing,
        **{
            **outcome.fields,
            "reason": outcome.reason or _why(outcome, results, ceiling, at_least),
            # What traced the rounds is noted of the whole.
            "notes": (*(note for note in outcome.notes if isinstance(note, TimeOver)), *_notes(experiment)),
        },
        arms=results,
        sequences_timed=experiment.sequences_timed(),
        ceiling=ceiling,
    )


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
    ids = job.tokenise(range(min(job.batch_size, len(job.sequences))))
    job.run(ids, [tuple(ids)])


def planned_arm(cost: CostModel) -> Arm:
    """Return the arm that is judged: the cheapest batches by a cost model."""
    return Arm("planned", lambda lengths: plan_batches(lengths, cost, max_size=LARGEST_BATCH))


def _set_up(given: Job, over: str, patience: Patience, until: float) -> _Experiment:
    """Measure what batches cost, choose what is timed, and run every arm once. Raises TimeOverError at `until`."""
    began = now()
    job = given.sample(_MOST_TEXTS)
    ids = job.tokenise()
    lengths = [len(ids[i]) for i in range(len(ids))]
    baseline, *others = simple_arms(job, over)
    cost = measure_job_cost(job, ids, baseline.padded_to, patience.max_seconds * 0.15)
    left = patience.max_seconds - (now() - began)
    arms = timed_arms([planned_arm(cost), baseline, *others], job, lengths, cost, 0.8 * left / _ROUNDS)
    alone = job.one_by_one(sorted({i for arm in arms for i in arm.indices()}), until)
    first_passes = [arm.first_pass(alone, until) for arm in arms]
    return _Experiment(given, job, lengths, cost, arms, first_passes, patience.confidence)


def measure_job_cost(
    job: Job, ids: Mapping[int, Sequence[int]], padded_to: int | None, max_seconds: float
) -> CostModel:
    """Return the measured cost of batches, on shapes up to the longest there are, refined where a plan would land."""
    lengths = [len(found) for found in ids.values()]
    tokens = [token for found in ids.values() for token in found]
    longest = max(*lengths, 2)
    most = min(len(lengths), LARGEST_BATCH)
    sizes = sorted({s for s in (1, 4, 16, job.batch_size) if s < most} | {most})
    grid = sorted({n for n in (8, 32, 128) if n < longest} | {longest, padded_to or longest})

    def run(size: int, length: int) -> object:
        sequence = (tokens * math.ceil(length / len(tokens)))[:length]
        return job.run(dict.fromkeys(range(size), sequence), [tuple(range(size))])

    cost = measure_cost(run, sizes, grid, max_seconds=max_seconds / 2, repeats=2)
    return refine_cost(cost, run, lengths, max_size=LARGEST_BATCH, max_seconds=max_seconds / 2, repeats=2)


def _disagreement(experiment: _Experiment, model: Any, tolerance: float) -> OutputsDiffer | None:
    """Return which arm's outputs are not those of each text on its own, and where they are worst; None for none."""
    for timed, first in zip(experiment.arms, experiment.first_passes, strict=True):
        if not first.difference <= tolerance:
            return OutputsDiffer(
                arm=timed.arm.name,
                difference=first.difference,
                tolerance=tolerance,
                text=first.index,
                shown=experiment.job.shown(first.index),
                because=why_outputs_move(model, experiment.job),
            )
    return None


def _measure(experiment: _Experiment, at_least: float | None, patience: Patience, cpus: tuple[int, ...]) -> Outcome:
    """Time the arms in rounds; the verdict is on the first two."""
    planned, baseline, *others = experiment.arms
    quantity = ratio(experiment.seconds(1), experiment.seconds(0), Unit("×"), at_least)
    return measure_pairs(planned, baseline, quantity, patience, cpus, tuple(others))


def _with_speed(result: ArmResult, experiment: _Experiment, k: int, outcome: Outcome) -> ArmResult:
    """Return an arm's result with how fast it was over the rounds, by itself and over the baseline."""
    if not outcome.judged:
        return result
    sequences, seconds = len(experiment.lengths), experiment.seconds(k)
    each = seconds.mean(outcome.judged)
    over_baseline = ratio(experiment.seconds(1), seconds, Unit("×"))
    return replace(
        result,
        sequences_per_second=sequences / each,
        real_tokens_per_second=result.real_tokens / each,
        throughput=estimated_too(outcome, rate(sequences, seconds, Unit("sequences/s"))),
        speedup=(outcome.estimate, None)[k] if k < 2 else estimated_too(outcome, over_baseline),
    )


def _why(outcome: Outcome, arms: Sequence[ArmResult], ceiling: float, at_least: float | None) -> Remark | None:
    """Return what a lost budget is put down to: the data, the plan or the overhead."""
    if outcome.verdict is not Verdict.FAIL or at_least is None:
        return None
    planned, baseline = arms[0], arms[1]
    saved = baseline.padded_tokens / max(1, planned.padded_tokens)
    if ceiling < at_least:
        return DataAllowLittle(baseline.arm, ceiling)
    return PlanSavesLittle(saved, ceiling) if saved < at_least else TimeDoesNotFollow(saved)


def _notes(experiment: _Experiment) -> Iterator[Remark]:
    """Yield what a reader should know of the figure."""
    lengths, job, given = experiment.lengths, experiment.job, experiment.given
    waste = speedup_ceiling(lengths, arrival_batches(len(lengths), job.batch_size))
    if waste < UNIFORM:
        yield EqualLengths(1 - 1 / waste)
    cut = given.cut_off()
    if cut:
        yield TextsCut(cut, len(given.sequences), job.max_length)
    for timed in experiment.arms[:2]:
        if timed.cut_to is not None:
            yield BatchCut(timed.arm.name, timed.cut_to, CUT_ALLOWANCE)
