"""A heuristic's claim, and what measuring it here said."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pytest_cpuperf.results.measurements import Measurement
from pytest_cpuperf.results.remarks import Remark


class Judgement(str, Enum):
    """What a proof says about a claim, on this machine, for this model and these texts."""

    CONFIRMED = "confirmed"
    NOT_REPRODUCED = "not reproduced here"
    HARMFUL = "harmful here"
    UNDECIDED = "inconclusive"
    """The machine or the time allowed did not let it be told."""

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Claim:
    """One heuristic, judged."""

    heuristic: str
    """The name in `heuristics.HEURISTICS`."""
    promised: str
    judgement: Judgement
    reason: Remark | None
    measurement: Measurement
    """What the judgement stands on."""
    also: tuple[Measurement, ...] = ()
    """What else was measured, for the record."""
