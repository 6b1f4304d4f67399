"""Throughput held against a stored run, by fresh processes of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pytest_cpuperf.measure.blocks import WorkElsewhereError
from pytest_cpuperf.measure.budgets import PEAK, BudgetShare
from pytest_cpuperf.measure.pairs import judge
from pytest_cpuperf.measure.processes import FEWEST, FreshProcesses, Ratio, measured_speeds, ratio_of_processes
from pytest_cpuperf.measure.sequential import Patience
from pytest_cpuperf.results.measurements import ProcessSpeed, ThroughputMeasurement
from pytest_cpuperf.results.remarks import Remark
from pytest_cpuperf.results.remarks.measuring import HeldByProcesses, NothingToHoldAgainst, OtherKernel, TooClose
from pytest_cpuperf.results.stored import StoredFigure
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Budget, Verdict

COMPARED_SHARE = 0.95
"""What `--cpuperf-compare` asks of a function's stored speed: a loss of 5 % is one somebody would mind."""


@dataclass(frozen=True)
class History:
    """The stored runs that a test is held against, and whether it is stored itself."""

    figure: Callable[[str, str], StoredFigure | Remark]
    """Finds what this test reached in a stored run, by the run's name and the label; or says why there is nothing."""
    processes: FreshProcesses | None = None
    compared: str | None = None
    """The run that measurements without a budget of their own are held against (`--cpuperf-compare`)."""
    saving: bool = False
    """Whether this run is stored."""


def judge_processes(
    head: Sequence[ProcessSpeed], base: Sequence[ProcessSpeed], at_least: float, confidence: float, unit: Unit
) -> tuple[Verdict, Ratio, int]:
    """Return the verdict on a stored run's processes, the ratio, and how many of today's decided.

    There are two looks at today's, after `FEWEST` and after all; each has half of the error allowed.
    """
    stored = [s.speed for s in base]
    for count in sorted({min(FEWEST, len(head)), len(head)}):
        used = head[:count]
        pairs = sum(s.pairs for s in used)
        found = ratio_of_processes([s.speed for s in used], stored, (1 - confidence) / 2, unit, pairs, confidence)
        verdict = judge(found.estimate, at_least)
        if verdict is not Verdict.INCONCLUSIVE:
            break
    return verdict, found, count


def held_against_stored(
    record: ThroughputMeasurement, goal: float | BudgetShare | None, history: History, patience: Patience
) -> ThroughputMeasurement:
    """Return the record of a throughput with what stored runs have to do with it.

    Where its budget is a share of a stored run, or it has none and `--cpuperf-compare` names a run, the verdict is on
    that. Fresh processes are measured for this, and where it is stored itself: `patience.max_seconds` for all of them.
    """
    name = goal.of if isinstance(goal, BudgetShare) and goal.of != PEAK else None
    if goal is None:
        name = history.compared
    stored = history.figure(name, record.label) if name is not None else None
    if goal is None and isinstance(stored, Remark):
        # A test that is new has nothing to be held against, and that is no fault of its own.
        record = replace(record, notes=(*record.notes, stored))
        stored = None
    if stored is None or isinstance(stored, Remark):
        record = _with_processes(record, history, patience) if history.saving else record
    if stored is None:
        return record
    assert name is not None
    share = goal.fraction if isinstance(goal, BudgetShare) else COMPARED_SHARE
    record = replace(
        record, budget=Budget(share, Unit(f"× of {name}")), baseline=name, estimate=None, total=None,
        verdict=Verdict.INCONCLUSIVE,
    )  # fmt: skip
    if isinstance(stored, Remark):
        return replace(record, reason=NothingToHoldAgainst(stored))
    return _judged(record, share, stored, history, patience)


def _with_processes(record: ThroughputMeasurement, history: History, patience: Patience) -> ThroughputMeasurement:
    """Return the record with the speeds of fresh processes, where there are any."""
    if history.processes is None or record.relative is None:
        return record
    try:
        speeds = measured_speeds(record.label, history.processes, patience.max_seconds, lambda _: False)
    except WorkElsewhereError as error:
        held = HeldByProcesses(0, 0, 0.0, str(error))
        return replace(record, notes=(*record.notes, held))
    return replace(record, processes=speeds)


def _judged(
    record: ThroughputMeasurement, share: float, stored: StoredFigure, history: History, patience: Patience
) -> ThroughputMeasurement:
    """Return the record with its verdict against what is stored."""
    if stored.other_machine:
        record = replace(record, notes=(*record.notes, stored.other_machine))
    one = record.relative
    if one is None:
        return record  # the reason is the measurement's own: too few pairs
    unit = Unit(f"× of {record.baseline}")

    def judged(speeds: Sequence[ProcessSpeed]) -> tuple[Verdict, Ratio, int]:
        return judge_processes(speeds, stored.processes, share, patience.confidence, unit)

    def decided(speeds: Sequence[ProcessSpeed]) -> bool:
        if history.saving:
            return False
        if speeds and speeds[0].reference != stored.processes[0].reference:
            return True
        return len(speeds) == FEWEST and judged(speeds)[0] is not Verdict.INCONCLUSIVE

    why_none = None
    if history.processes is not None and stored.processes:
        try:
            speeds = measured_speeds(record.label, history.processes, patience.max_seconds, decided)
        except WorkElsewhereError as error:
            why_none = str(error)
        else:
            record = replace(record, processes=speeds)
            kernels = stored.processes[0].reference, speeds[0].reference
            if kernels[0] != kernels[1]:
                return replace(record, reason=NothingToHoldAgainst(OtherKernel(*kernels)))
            verdict, ratio, used = judged(speeds)
            return _with_verdict(record, verdict, ratio, HeldByProcesses(used, len(stored.processes), ratio.spread))
    if record.reference != stored.reference:
        return replace(record, reason=NothingToHoldAgainst(OtherKernel(stored.reference, record.reference or "")))
    ratio = ratio_of_processes([one.point], [stored.point], patience.alpha, unit, one.pairs, patience.confidence)
    return _with_verdict(record, judge(ratio.estimate, share), ratio, HeldByProcesses(0, 0, ratio.spread, why_none))


def _with_verdict(
    record: ThroughputMeasurement, verdict: Verdict, ratio: Ratio, held: HeldByProcesses
) -> ThroughputMeasurement:
    undecided = verdict is Verdict.INCONCLUSIVE
    return replace(
        record,
        verdict=verdict,
        reason=TooClose(ratio.estimate.smallest_difference, None) if undecided else None,
        estimate=ratio.estimate,
        notes=(*record.notes, held),
    )
