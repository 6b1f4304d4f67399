"""A function against itself at another revision of the project, in one run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

from pytest_cpuperf.machine.pin import start_on
from pytest_cpuperf.measure.blocks import NoSuchWorkError, SelfTimedWork, Work, WorkElsewhereError, time_block
from pytest_cpuperf.measure.outcome import Outcome
from pytest_cpuperf.measure.pairs import Quantity, measure_pairs, speedup
from pytest_cpuperf.measure.sequential import Patience
from pytest_cpuperf.results.measurements import AgainstMeasurement
from pytest_cpuperf.results.remarks import Stated
from pytest_cpuperf.results.remarks.measuring import ProcessesDisagree
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Budget, Verdict

LEAST_SHARE = 0.95
"""What is asked of the other revision's speed: a loss of 5 % is one somebody would mind."""
PROCESSES = 3
"""How many pairs of processes may be asked before a test fails."""


class _WorkingTree(SelfTimedWork):
    """A function of this process, each block begun on the CPU that the other process begins on too."""

    def __init__(self, function: Work, cpu: int) -> None:
        self._function = function
        self._cpu = cpu

    def time_block(self, calls: int) -> float:
        start_on(self._cpu)
        return time_block(self._function, calls)


class OtherSide(Protocol):
    """The same test at another revision of the project."""

    @property
    def name(self) -> str:
        """The revision, as the user wrote it."""

    def work(self, label: str) -> Work:
        """Return the function it measures under a label; raises WorkElsewhereError where there is none."""

    def fresh(self, label: str) -> tuple[Work, Work]:
        """Return this tree's function and the revision's, each in a process that has just begun; raises the same."""


def measure_against(
    function: Work, label: str, other: OtherSide, patience: Patience, cpus: tuple[int, ...]
) -> AgainstMeasurement:
    """Measure the speedup of `function` over the same function at another revision.

    Two processes of the same code are not equally fast, and no number of pairs averages that out. What is not plainly
    as fast in this process is measured again between fresh processes of both trees, `PROCESSES` times in all: it
    passes where it passes once, and fails where it never does and most are plainly slower. A revision that lacks the
    function leaves nothing to judge; one at which it fails makes it inconclusive.
    """
    budget = Budget(LEAST_SHARE, Unit(f"× of {other.name}"))
    working_tree = _WorkingTree(function, cpus[0]) if cpus else function
    nothing = AgainstMeasurement(
        label="", verdict=Verdict.INCONCLUSIVE, estimate=None, budget=budget, baseline=other.name
    )
    quantity = Quantity(speedup, budget.unit, LEAST_SHARE)
    outcomes: list[Outcome] = []
    try:
        outcomes.append(measure_pairs(working_tree, other.work(label), quantity, patience, cpus))
        while len(outcomes) < PROCESSES and _in_doubt(outcomes[-1]):
            outcomes.append(measure_pairs(*other.fresh(label), quantity, patience, cpus))
    except NoSuchWorkError as error:
        return replace(nothing, verdict=Verdict.NO_BUDGET, budget=None, notes=(Stated(str(error)),))
    except WorkElsewhereError as error:
        return replace(nothing, reason=Stated(str(error)))
    return AgainstMeasurement(label="", budget=budget, baseline=other.name, **_judged(outcomes))


def _in_doubt(outcome: Outcome) -> bool:
    """Return whether fresh processes may tell more: time over, or a disturbed machine, would be so again."""
    return outcome.verdict is Verdict.FAIL or (outcome.verdict is Verdict.INCONCLUSIVE and outcome.estimate is not None)


def _judged(outcomes: list[Outcome]) -> dict[str, Any]:
    """Return the fields of the outcome that decides, with what the processes showed."""
    if len(outcomes) == 1:
        return vars(outcomes[0])
    slower = [o for o in outcomes if o.verdict is Verdict.FAIL]
    last = outcomes[-1]
    speedups = tuple(o.estimate.point if o.estimate else None for o in outcomes)
    decided = last.verdict is Verdict.PASS or 2 * len(slower) > len(outcomes)
    found = ProcessesDisagree(speedups, len(slower), decided)
    if not decided:
        return {**vars(last), "verdict": Verdict.INCONCLUSIVE, "reason": found}
    return {**vars(last if last.verdict is Verdict.PASS else slower[-1]), "notes": (*last.notes, found)}
