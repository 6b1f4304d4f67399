"""How a measurement ended, before it is known what it is called and held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytest_cpuperf.results.evidence import Evidence
from pytest_cpuperf.results.measurements import CallGroup, Pair
from pytest_cpuperf.results.remarks import Remark
from pytest_cpuperf.results.remarks.measuring import DecidedDisturbed, PassedDisturbed
from pytest_cpuperf.results.verdicts import Estimate, Verdict


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What every measurement leaves; `fields` are those of `Measurement`."""

    verdict: Verdict
    reason: Remark | None
    estimate: Estimate | None
    pairs: tuple[Pair, ...] = ()
    set_aside: tuple[Pair, ...] = ()
    evidence: Evidence | None
    calls_per_block: int
    warm_up_calls: int
    steady: bool
    seconds_spent: float
    total: float | None = None
    notes: tuple[Remark, ...] = ()
    alpha: float
    """The level of the look that ended it: intervals at it hold at all looks together."""

    @property
    def fields(self) -> dict[str, Any]:
        """What a record takes over."""
        return {name: value for name, value in vars(self).items() if name != "alpha"}

    @property
    def judged(self) -> tuple[Pair, ...]:
        """The pairs that the estimate is from: those set aside too, where the verdict stands on all of them."""
        if not isinstance(self.reason, (DecidedDisturbed, PassedDisturbed)):
            return self.pairs
        return tuple(sorted(self.pairs + self.set_aside, key=lambda pair: pair.number))


@dataclass(frozen=True, kw_only=True)
class LatencyOutcome(Outcome):
    """What a measurement of single calls leaves."""

    groups: tuple[CallGroup, ...]
