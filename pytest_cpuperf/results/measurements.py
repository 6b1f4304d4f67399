"""What a measured test leaves behind: pairs, evidence, estimate and verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pytest_cpuperf.results.codec import Kinds
from pytest_cpuperf.results.evidence import Evidence
from pytest_cpuperf.results.remarks import Remark
from pytest_cpuperf.results.verdicts import Budget, Estimate, Verdict


@dataclass(frozen=True)
class Pair:
    """Two neighbouring blocks, one of each side: the unit of every statistic. Seconds are per call."""

    candidate_seconds: float
    baseline_seconds: float
    candidate_first: bool
    evidence: Evidence
    also_seconds: tuple[float, ...] = ()
    """What else was timed in the same round, for the record."""
    number: int = 0
    """Its place in the order of measuring, from 0, those set aside counted."""


@dataclass(frozen=True)
class CallGroup:
    """Neighbouring calls of a latency measurement, timed one by one: what is set aside together."""

    number: int
    """Its place in the order of measuring, from 0."""
    calls: int
    seconds: float
    """The asked-for percentile of these calls alone."""
    evidence: Evidence


@dataclass(frozen=True, kw_only=True)
class Measurement(Kinds, family=True):
    """One measurement of a test and what it says; one subclass a kind.

    `estimate` is in `estimate.unit`: items per second for throughput, a speedup (`×`) for comparisons (over the same
    function at another revision for `against`), seconds for latency; for a budget that is a share, what it is a share
    of (`× of main`, `% of peak`).
    """

    label: str
    verdict: Verdict
    reason: Remark | None = None
    """Why the verdict is what it is, where the figures alone do not say it."""
    estimate: Estimate | None
    budget: Budget | None
    baseline: str | None = None
    """What a speedup is over, by name: an arm, a stored run, a revision."""
    pairs: tuple[Pair, ...] = ()
    """The pairs the estimate was made from."""
    set_aside: tuple[Pair, ...] = ()
    """Pairs the machine disturbed; measured again while time allowed."""
    evidence: Evidence | None = None
    """The sum over all pairs or groups, those set aside included."""
    calls_per_block: int = 1
    warm_up_calls: int = 0
    steady: bool = True
    """Whether the warm-up settled before its cap."""
    seconds_spent: float = 0.0
    total: float | None = None
    """The estimate's quantity from the total times of all pairs, those set aside included. Rare slow blocks move it and
    not the estimate."""
    notes: tuple[Remark, ...] = ()
    """What a reader should know of the figure."""

    @property
    def measured(self) -> bool:
        """False when the plugin is off and nothing was timed."""
        return self.verdict is not Verdict.NOT_MEASURED


@dataclass(frozen=True)
class ProcessSpeed:
    """A function's speed against the reference kernel in one fresh process, which has one for as long as it lives."""

    speed: float
    pairs: int
    reference: str
    """What the reference kernel was; it depends on what the process has loaded."""


@dataclass(frozen=True, kw_only=True)
class ThroughputMeasurement(Measurement):
    """Items per second, or a share of a stored run's or of the machine's peak."""

    kind: ClassVar[str] = "throughput"
    relative: Estimate | None = None
    """Speed against the reference kernel, which travels between machines better than items per second."""
    reference: str | None = None
    """What the reference kernel was."""
    rate: Estimate | None = None
    """Items per second, where the estimate is a share."""
    processes: tuple[ProcessSpeed, ...] = ()
    """The function in fresh processes, for stored runs: `relative` and the pairs are of the process that ran the test.
    """
    flops_per_call: float | None = None
    """Floating-point operations of one call, where the budget is a share of the peak."""


@dataclass(frozen=True, kw_only=True)
class ComparisonMeasurement(Measurement):
    """The speedup of one function over another."""

    kind: ClassVar[str] = "compare"


@dataclass(frozen=True, kw_only=True)
class AgainstMeasurement(Measurement):
    """The speedup of a function over itself at another revision, which is `baseline`."""

    kind: ClassVar[str] = "against"


@dataclass(frozen=True, kw_only=True)
class LatencyMeasurement(Measurement):
    """A percentile of the seconds that single calls take."""

    kind: ClassVar[str] = "latency"
    groups: tuple[CallGroup, ...] = ()
    """The groups of calls, those set aside included."""


@dataclass(frozen=True)
class ArmResult:
    """One way of doing the work in a bucketing experiment, summed up."""

    arm: str
    batches: int
    padded_tokens: int
    """Tokens the model is given, padding included, for all texts."""
    real_tokens: int
    sequences_per_second: float
    """By the median of the rounds; by their mean where each runs another part of the batches."""
    real_tokens_per_second: float
    throughput: Estimate | None = None
    """Sequences per second; None where rounds were too few."""
    speedup: Estimate | None = None
    """Over the baseline; None for the baseline itself, and where rounds were too few."""
    p50_seconds: float = 0.0
    """How long the batch took that a sequence was in: the median over sequences, in one pass."""
    p95_seconds: float = 0.0
    peak_memory_bytes: int | None = None
    """How far the process's resident memory rose in one pass over the batches timed; None where the kernel does not
    tell."""
    timed_batches: int = 0
    """Batches timed in every round: spread over all of them by cost, where all would take too long."""

    @property
    def waste(self) -> float:
        """The share of tokens that are padding, 0 to 1."""
        return 1 - self.real_tokens / self.padded_tokens if self.padded_tokens else 0.0


@dataclass(frozen=True, kw_only=True)
class BucketingMeasurement(Measurement):
    """A bucketing experiment: the speedup of the planned arm over a baseline. `arms` begin with these two."""

    kind: ClassVar[str] = "bucketing"

    arms: tuple[ArmResult, ...] = ()
    sequences: int = 0
    """Texts that every arm cuts into batches."""
    sequences_given: int = 0
    """Texts the test handed over; where there are very many, `sequences` are a random sample."""
    sequences_timed: int = 0
    """Texts in the batches that are timed in every round, of any arm; fewer than `sequences` where all would take too
    long."""
    length_histogram: tuple[tuple[int, int], ...] = ()
    """(longest of the bin in tokens, how many sequences)."""
    worst_difference: float | None = None
    """Largest absolute difference of any arm's outputs to those of each text on its own, over real positions, in the
    original order."""
    tolerance: float | None = None
    ceiling: float | None = None
    """How many times the real tokens the baseline's padded ones are: what leaving out padding can gain."""
    cost_error: float | None = None
    """How far off the cost model was at shapes the plan uses, before they were measured."""

    @property
    def share_of_ceiling(self) -> float | None:
        """The share of the ceiling that the planned arm reached."""
        return self.estimate.point / self.ceiling if self.estimate and self.ceiling else None
