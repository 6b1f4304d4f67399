"""A heuristic's claim, and what measuring it here said."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from pytest_cpuperf.results.measurements import Measurement
from pytest_cpuperf.results.printable import of_lines
from pytest_cpuperf.results.remarks import Remark


class Judgement(str, Enum):
    """What a proof says about a claim, on this machine, for this model and these texts."""

    CONFIRMED = "confirmed"
    NOT_REPRODUCED = "not reproduced here"
    HARMFUL = "harmful here"
    INCONCLUSIVE = "inconclusive"
    """The machine or the time allowed did not let it be decided."""
    DOES_NOT_APPLY = "does not apply"
    """Its premise is not met here, which was found without timing."""
    CANNOT_BE_JUDGED = "cannot be judged"
    """Something is missing."""

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Recommendation:
    """What to set, as it follows from a claim's judgement."""

    text: str
    """A few words: `batches planned by length`."""
    code: str = field(default="", metadata=of_lines())
    """What to paste; empty where words are all there is."""


@dataclass(frozen=True)
class Claim:
    """One heuristic, judged."""

    heuristic: str
    """The heuristic's name."""
    promised: str
    judgement: Judgement
    reason: Remark | None
    measurement: Measurement | None
    """What the judgement stands on; None where nothing was measured."""
    also: tuple[Measurement, ...] = ()
    """What else was measured, for the record."""
    recommendation: Recommendation | None = None
