"""What a bucketing experiment has to say: why a budget was lost, and what its figures do not show."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from pytest_cpuperf.results.remarks.base import Remark


class OutputsMoveBecause(str, Enum):
    """What makes a model's outputs depend on how much padding its batch has."""

    INT8_SCALES = "int8 scales"
    """It is quantised with scales taken from each batch."""
    MASK_IGNORED = "mask ignored"
    PADS_LEFT = "pads left"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class OutputsDiffer(Remark):
    """Outputs of an arm are not those of each text on its own."""

    kind: ClassVar[str] = "outputs differ"
    arm: str
    difference: float
    tolerance: float
    text: int
    """The index of the worst text."""
    shown: str
    """How it begins."""
    because: OutputsMoveBecause


@dataclass(frozen=True)
class DataAllowLittle(Remark):
    """So few tokens of the baseline are padding that no plan can reach the budget."""

    kind: ClassVar[str] = "data allow little"
    arm: str
    """The baseline."""
    ceiling: float
    """How many times the real tokens the baseline's padded ones are."""


@dataclass(frozen=True)
class PlanSavesLittle(Remark):
    """The plan leaves out too little of the padding for the budget."""

    kind: ClassVar[str] = "plan saves little"
    saved: float
    """How many times the plan's tokens the baseline's are."""
    ceiling: float


@dataclass(frozen=True)
class TimeDoesNotFollow(Remark):
    """The plan leaves out enough tokens for the budget, and the time does not follow."""

    kind: ClassVar[str] = "time does not follow"
    saved: float


@dataclass(frozen=True)
class EqualLengths(Remark):
    """Texts are of nearly equal length: bucketing cannot help."""

    kind: ClassVar[str] = "equal lengths"
    padding: float
    """The share of tokens that arrival order pads, 0 to 1."""


@dataclass(frozen=True)
class TextsCut(Remark):
    """Texts longer than `max_length` lost their ends."""

    kind: ClassVar[str] = "texts cut"
    count: int
    texts: int
    max_length: int


@dataclass(frozen=True)
class BatchCut(Remark):
    """A batch of an arm takes too long to be timed whole."""

    kind: ClassVar[str] = "batch cut"
    arm: str
    sequences: int
    """How many of it were timed."""
    allowance: float = 0.0
    """The share by which each may cost more or less in the whole batch: the interval is that much wider."""


@dataclass(frozen=True)
class FewBatchesTimed(Remark):
    """So few batches were timed that some dear ones may be missing, which would matter to a budget this near."""

    kind: ClassVar[str] = "few batches timed"
    rounds: int
    """How many rounds there were, each of which times other batches."""
    needed: int


@dataclass(frozen=True)
class RealTokens(Remark):
    """The share of tokens in arrival order that are real, 0 to 1."""

    kind: ClassVar[str] = "real tokens"
    share: float
