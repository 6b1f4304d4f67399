"""What measuring has to say: why a verdict is inconclusive, and what a figure does not show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pytest_cpuperf.results.evidence import Disturbance
from pytest_cpuperf.results.remarks.base import Remark


@dataclass(frozen=True)
class NotMeasured(Remark):
    """The plugin is off: the function ran once, and no clock did."""

    kind: ClassVar[str] = "not measured"


@dataclass(frozen=True)
class BlocksTooLong(Remark):
    """One pair of blocks takes so long that too few fit into the time allowed."""

    kind: ClassVar[str] = "blocks too long"
    pair_seconds: float
    fewest_pairs: int
    max_seconds: float
    needed_seconds: float


@dataclass(frozen=True)
class TimeOver(Remark):
    """Time was over before a single call, or a block of calls, was."""

    kind: ClassVar[str] = "time over"
    calls: int
    """How many calls were to be timed together. A single one is let finish; several are cut between two calls."""
    seconds: float
    """How long the call took, or the calls until they were cut."""
    max_seconds: float


@dataclass(frozen=True)
class TooFewPairs(Remark):
    """Calls became slower than the warm-up showed."""

    kind: ClassVar[str] = "too few pairs"
    pairs: int
    max_seconds: float


@dataclass(frozen=True)
class TooFewCalls(Remark):
    """A percentile needs more calls than the time allowed, or than one measurement takes."""

    kind: ClassVar[str] = "too few calls"
    percentile: float
    """0 to 1."""
    confidence: float
    calls_needed: int
    call_seconds: float
    max_seconds: float
    needed_seconds: float


@dataclass(frozen=True)
class SetAside(Remark):
    """Pairs, or groups of calls, that the machine disturbed."""

    kind: ClassVar[str] = "set aside"
    count: int
    measured: int
    """How many there were, those set aside included."""
    groups: bool
    """Whether these are groups of calls."""
    worst: Disturbance
    """The largest of the most common kind."""


@dataclass(frozen=True)
class PassedDisturbed(Remark):
    """Too much was disturbed to judge by the rest, and all of it together passes: disturbances can only slow."""

    kind: ClassVar[str] = "passed disturbed"
    disturbed: SetAside


@dataclass(frozen=True)
class DecidedDisturbed(Remark):
    """Most was disturbed, and what all of it shows is too far from the budget to be explained by that."""

    kind: ClassVar[str] = "decided disturbed"
    disturbed: SetAside


@dataclass(frozen=True)
class TooClose(Remark):
    """The interval holds the budget."""

    kind: ClassVar[str] = "too close"
    smallest_difference: float
    """The smallest difference that this measurement could have shown, as a share of the budget."""
    set_aside: SetAside | None = None
    """Where much of what was measured was set aside."""


@dataclass(frozen=True)
class TotalContradicts(Remark):
    """The centre of the pairs is on one side of the budget, and their total times on the other."""

    kind: ClassVar[str] = "total contradicts"
    total: float
    """The estimate's quantity from total times, without a few extreme pairs."""


@dataclass(frozen=True)
class NothingToHoldAgainst(Remark):
    """A budget that is a share of something that is not there."""

    kind: ClassVar[str] = "nothing to hold against"
    why: Remark


@dataclass(frozen=True)
class NoStoredRun(Remark):
    """There is no run stored under a name."""

    kind: ClassVar[str] = "no stored run"
    name: str
    path: str
    """Where it would be."""


@dataclass(frozen=True)
class NotInStoredRun(Remark):
    """A stored run has no such figure of this test."""

    kind: ClassVar[str] = "not in stored run"
    name: str
    label: str


@dataclass(frozen=True)
class OtherKernel(Remark):
    """A stored run was measured against another reference kernel."""

    kind: ClassVar[str] = "other kernel"
    stored: str
    today: str


@dataclass(frozen=True)
class OtherMachine(Remark):
    """A stored run was made on a machine that differs in what absolute figures depend on."""

    kind: ClassVar[str] = "other machine"
    name: str
    differs_in: str
    """`instruction set`, `number of usable CPUs` or `processor`."""


@dataclass(frozen=True)
class ReachedOfPeak(Remark):
    """Floating-point operations per second, of the function and of the fastest matrix product."""

    kind: ClassVar[str] = "of peak"
    gflops: float
    peak_gflops: float


@dataclass(frozen=True)
class SpeedChanged(Remark):
    """The function changed its own speed while it was measured."""

    kind: ClassVar[str] = "speed changed"
    times: float
    """How many times as fast it was at the end."""


@dataclass(frozen=True)
class ThreadsLeft(Remark):
    """The function leaves threads behind."""

    kind: ClassVar[str] = "threads left"
    count: int


@dataclass(frozen=True)
class LazyResult(Remark):
    """The function's result looks as if it was worked out only when somebody asks for it."""

    kind: ClassVar[str] = "lazy result"
    type_name: str
    """What the function returns."""


@dataclass(frozen=True)
class ProcessesDiffer(Remark):
    """The speedup over the other revision in each pair of fresh processes."""

    kind: ClassVar[str] = "processes differ"
    speedups: tuple[float, ...]
    one_left_out: bool
    """Whether one differs so much from the others that the verdict leaves it out."""
    slower: bool
    """Whether the verdict is that this tree is slower."""


@dataclass(frozen=True)
class ProcessesDisagree(Remark):
    """Pairs of processes of the same code differ by more than what is to be told."""

    kind: ClassVar[str] = "processes disagree"
    speedups: tuple[float, ...]


@dataclass(frozen=True)
class TooFewProcesses(Remark):
    """Time was over before enough pairs of processes were measured."""

    kind: ClassVar[str] = "too few processes"
    processes: int
    most: int
    max_seconds: float


@dataclass(frozen=True)
class HeldByProcesses(Remark):
    """By how many fresh processes a stored run was made and this one was held against it."""

    kind: ClassVar[str] = "held by processes"
    here: int
    """0 where only the process that ran the test was measured."""
    then: int
    """As `here`, for the stored run."""
    spread: float
    """How far processes of the same code differ: standard deviation of the logarithm. Assumed where `here` is 0."""
    why_none: str | None = None
    """Why no fresh process could be measured now."""


@dataclass(frozen=True)
class FinerThanCalibrated(Remark):
    """The budget is finer than those that `cpuperf calibrate` found this machine to support."""

    kind: ClassVar[str] = "finer than calibrated"
    finest: float | None
    """The finest that it supports; None where it supports none of those that were tried."""
