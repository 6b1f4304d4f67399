"""The ways of doing a bucketing experiment's work: how each cuts sequences into batches, and what of it is timed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pytest_cpuperf.batching import (
    Batch,
    CostModel,
    arrival_batches,
    one_by_one_batches,
    padded_tokens,
    sorted_batches,
)
from pytest_cpuperf.clock import now
from pytest_cpuperf.machine.memory import peak_memory
from pytest_cpuperf.measure.blocks import SelfTimedWork
from pytest_cpuperf.proofs.bucketing.agreement import worst_difference
from pytest_cpuperf.proofs.bucketing.jobs import Job
from pytest_cpuperf.proofs.bucketing.parts import BatchShare, Parts
from pytest_cpuperf.results.measurements import ArmResult


@dataclass(frozen=True)
class Arm:
    """One way of cutting sequences into batches."""

    name: str
    batches: Callable[[Sequence[int]], list[Batch]]
    """From lengths in tokens to batches."""
    padded_to: int | None = None
    """The length that every batch is padded to; None: to its longest sequence."""

    def shape(self, batch: Batch, lengths: Sequence[int]) -> tuple[int, int]:
        """Return how many sequences a batch has, and the tokens that each is padded to."""
        return len(batch), self.padded_to or max(1, *(lengths[i] for i in batch))


def simple_arms(job: Job, over: str) -> list[Arm]:
    """Return the arms that need no cost model, the baseline first. Constant padding, by far the slowest, is measured
    only where it is the baseline.
    """
    arrival = Arm("arrival", lambda lengths: arrival_batches(len(lengths), job.batch_size))
    padded = Arm("padded", arrival.batches, padded_to=job.max_length)
    rest = [
        Arm("one by one", lambda lengths: one_by_one_batches(len(lengths))),
        Arm("sorted", lambda lengths: sorted_batches(lengths, job.batch_size)),
    ]
    return [padded, arrival, *rest] if over == "padded" else [arrival, *rest]


@dataclass(frozen=True)
class FirstPass:
    """What one pass over a round's batches showed, before anything was timed for a verdict."""

    difference: float
    """The largest absolute difference to the outputs of each sequence on its own."""
    index: int
    """The sequence it is in."""
    peak_bytes: int | None


class TimedArm(SelfTimedWork):
    """An arm as it is timed: every call is a round's share of the work, tokenising and restoring the order included."""

    def __init__(self, arm: Arm, job: Job, lengths: Sequence[int], cost: CostModel, max_seconds: float) -> None:
        """Cut all sequences into batches, of which each call runs as many as take about `max_seconds`."""
        self.arm = arm
        self._job = job
        self._lengths = lengths
        start = now()
        self.batches = tuple(arm.batches(lengths))
        """All of them."""
        self._planning_seconds = now() - start
        self.parts = Parts(self.batches, partial(arm.shape, lengths=lengths), cost, max_seconds)
        self._calls = 0
        self._timed: list[tuple[BatchShare, float]] = []

    def indices(self) -> list[int]:
        """Return the sequences that the next call runs."""
        return sorted({i for share in self.parts.part(self._calls) for i in share.batch})

    def time_block(self, calls: int, until: float = math.inf) -> float:
        """Return the seconds of so many rounds' shares, each of usual cost.

        Raises TimeOverError where the clock passes `until` between two batches.
        """
        return sum(self._run(until)[0] for _ in range(calls))

    def _run(self, until: float) -> tuple[float, dict[int, Any]]:
        indices, part = self.indices(), self.parts.part(self._calls)
        self._calls += 1
        took: list[float] = []
        start = now()
        ids = self._job.tokenise(indices)
        tokenised = now() - start
        outputs = self._job.run(ids, [share.batch for share in part], self.arm.padded_to, took, until)
        rest = now() - start - tokenised - sum(took)
        self._timed += zip(part, took, strict=True)
        # What is not done batch by batch goes with the tokens, of which dear batches have more than their share.
        share_of_all = sum(self._lengths[i] for i in indices) / sum(self._lengths)
        usual_share = self.parts.usual_seconds / self.parts.predicted
        return self.parts.seconds(part, took) + (tokenised + rest) * usual_share / share_of_all, outputs

    def whole_seconds(self, seconds: float) -> float:
        """Return what the whole job takes, planning included, when a call takes so long."""
        return self.parts.whole_seconds(seconds) + self._planning_seconds

    def first_pass(self, alone: Mapping[int, Any], until: float) -> FirstPass:
        """Run the next call's share, and see what it gives and how much memory it needs.

        `alone` are the outputs of each sequence on its own. Raises TimeOverError as `time_block` does.
        """
        with peak_memory() as peak:
            _, outputs = self._run(until)
        difference, index = worst_difference(outputs, alone)
        return FirstPass(difference, index, peak.added_bytes)

    @property
    def sequences_timed(self) -> set[int]:
        """The sequences run so far."""
        return {i for share, _ in self._timed for i in share.batch}

    @property
    def cut_to(self) -> int | None:
        """The most sequences that a batch was cut to, which alone would have taken too long; None where none was."""
        return max((len(share.batch) for share, _ in self._timed if share.cut > 1), default=None)

    def result(self, first: FirstPass) -> ArmResult:
        """Return what is known of the arm from the batches run so far, its speed left open."""
        # Dear batches are run more often than there are of them.
        waits = sorted((seconds * s.cut, len(s.batch) * s.cut / s.predicted) for s, seconds in self._timed)
        return ArmResult(
            arm=self.arm.name,
            batches=len(self.batches),
            timed_batches=len({share.batch for share, _ in self._timed}),
            padded_tokens=padded_tokens(self._lengths, self.batches, self.arm.padded_to),
            real_tokens=sum(self._lengths),
            sequences_per_second=math.nan,
            real_tokens_per_second=math.nan,
            p50_seconds=_weighted_quantile(waits, 0.5),
            p95_seconds=_weighted_quantile(waits, 0.95),
            peak_memory_bytes=first.peak_bytes,
        )


def _weighted_quantile(ordered: Sequence[tuple[float, float]], p: float) -> float:
    """Return the smallest value with a share `p` of the weight at or below it, of (value, weight), ascending."""
    most = p * sum(weight for _, weight in ordered)
    below = 0.0
    for value, weight in ordered:
        below += weight
        if below >= most:
            return value
    return ordered[-1][0]


def timed_arms(
    arms: Sequence[Arm], job: Job, lengths: Sequence[int], cost: CostModel, round_seconds: float
) -> list[TimedArm]:
    """Return the arms, each with its share of a round of about `round_seconds`; all its batches where all fit.

    The first two, on which the verdict is, get more of the time than the others, and the second, the baseline, whose
    batches are the dearest, the most.
    """
    timed = [TimedArm(arm, job, lengths, cost, math.inf) for arm in arms]
    if sum(arm.parts.predicted for arm in timed) <= round_seconds:
        return timed
    shares = [2, 3, *[1] * (len(arms) - 2)]
    return [
        TimedArm(arm, job, lengths, cost, round_seconds * share / sum(shares))
        for arm, share in zip(arms, shares, strict=True)
    ]
