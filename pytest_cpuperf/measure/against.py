"""A function against itself at another revision of the project, in one run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol

from pytest_cpuperf.clock import now
from pytest_cpuperf.machine.evidence import Watch, total
from pytest_cpuperf.measure.blocks import (
    NoSuchWorkError,
    SelfTimedWork,
    TimeOverError,
    WarmUp,
    WorkElsewhereError,
    garbage_between_blocks,
    warm_up,
)
from pytest_cpuperf.measure.estimate import centre
from pytest_cpuperf.measure.pairs import speedup, time_pair
from pytest_cpuperf.measure.processes import FEWEST_PAIRS, PAIRS, TIMES_AS_MANY, are_enough
from pytest_cpuperf.measure.sequential import Patience, set_aside
from pytest_cpuperf.measure.staged import LEAST_SHARE, MOST_PROCESSES, STAGES, Decision, decide, estimate
from pytest_cpuperf.measure.totals import contradicting_total, in_total
from pytest_cpuperf.results.measurements import AgainstMeasurement, Pair
from pytest_cpuperf.results.remarks import Remark, Stated
from pytest_cpuperf.results.remarks.measuring import (
    BlocksTooLong,
    ProcessesDiffer,
    ProcessesDisagree,
    TimeOver,
    TooFewProcesses,
    TotalContradicts,
)
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Budget, Verdict

_WARM_UP_SHARE = 0.05


class OtherSide(Protocol):
    """The same test at another revision of the project."""

    @property
    def name(self) -> str:
        """The revision, as the user wrote it."""

    def fresh(self, label: str) -> AbstractContextManager[tuple[SelfTimedWork, SelfTimedWork]]:
        """Yield this tree's function and the revision's, each in a process that has just begun and ends afterwards.

        Raises WorkElsewhereError where there is none.
        """


def measure_against(label: str, other: OtherSide, patience: Patience, cpus: tuple[int, ...]) -> AgainstMeasurement:
    """Measure the speedup of the function under `label` over the same function at another revision.

    This process is not measured: a process that has run tests for a while is not one that has just begun. Pairs of
    fresh processes are, until `staged.decide` decides. `patience.max_seconds` bounds what is timed; starting processes
    comes on top. A revision that lacks the function leaves nothing to judge; one at which it fails is inconclusive.
    """
    budget = Budget(LEAST_SHARE, Unit(f"× of {other.name}"))
    record = AgainstMeasurement(
        label="", verdict=Verdict.INCONCLUSIVE, estimate=None, budget=budget, baseline=other.name
    )
    run = _Processes(patience, cpus)
    try:
        while run.decision is None and run.reason is None:
            with other.fresh(label) as (here, there):
                run.ask(here, there)
    except NoSuchWorkError as error:
        return replace(record, verdict=Verdict.NO_BUDGET, budget=None, notes=(Stated(str(error)),))
    except WorkElsewhereError as error:
        return replace(record, reason=Stated(str(error)))
    return run.concluded(record)


def decide_by_totals_too(
    logs: Sequence[float], pairs_of: Sequence[Sequence[Pair]]
) -> tuple[Decision | None, TotalContradicts | None]:
    """Return what processes decide, or None for more of them, and what contradicts it.

    `logs` are the logarithms of their speedups, `pairs_of` the pairs of blocks of each, those set aside included. Where
    the total times contradict, more processes are asked, and the last ones decide nothing.
    """
    decision = decide(logs)
    if decision is None:
        return None, None
    pairs = [p for k in decision.by for p in pairs_of[k]]
    contradiction = contradicting_total(pairs, speedup, LEAST_SHARE, decision.verdict)
    if contradiction is None:
        return decision, None
    last = len(logs) == MOST_PROCESSES
    return replace(decision, verdict=Verdict.INCONCLUSIVE) if last else None, contradiction


class _Processes:
    """The pairs of processes so far, and what they decide."""

    def __init__(self, patience: Patience, cpus: tuple[int, ...]) -> None:
        self._patience = patience
        self._cpus = cpus
        self._seconds_left = patience.max_seconds
        self._warm_ups: list[WarmUp] = []
        self._pairs: list[Pair] = []
        self._clean: list[Pair] = []
        self._logs: list[float] = []
        """Of the speedups of the pairs of processes, one for each."""
        self._pairs_of: list[list[Pair]] = []
        """The pairs of blocks that each of these timed, those set aside included."""
        self._contradiction: TotalContradicts | None = None
        self._surroundings: dict[Remark, None] = {}
        self.decision: Decision | None = None
        self.reason: Remark | None = None
        """Why no more processes are asked though nothing is decided."""

    def ask(self, here: SelfTimedWork, there: SelfTimedWork) -> None:
        """Time pairs of blocks in a pair of processes, and decide if that is enough."""
        began = now()
        try:
            self._time(here, there, began)
        except TimeOverError as error:
            self.reason = TimeOver(error.calls, error.seconds, self._patience.max_seconds)
        self._seconds_left -= now() - began
        if self.decision is None and self.reason is None and self._seconds_left <= 0:
            disturbed = [p.evidence.disturbance for p in self._pairs if p.evidence.disturbance is not None]
            much = len(disturbed) > len(self._pairs) / 4
            aside = set_aside(disturbed, len(self._pairs)) if much else None
            self.reason = (
                aside
                or self._contradiction
                or TooFewProcesses(len(self._logs), MOST_PROCESSES, self._patience.max_seconds)
            )

    def _time(self, here: SelfTimedWork, there: SelfTimedWork, began: float) -> None:
        with garbage_between_blocks() as collect_garbage:
            cap = self._patience.max_seconds * _WARM_UP_SHARE
            # A pair of processes that begins when time is nearly over is finished, so it has some in any case.
            until = began + max(self._seconds_left, self._patience.max_seconds / 2)
            warm = [warm_up(work, cap, until) for work in (here, there)]
            self._warm_ups += warm
            pair_seconds = sum(w.seconds_per_block for w in warm)
            affordable = int(self._patience.max_seconds / MOST_PROCESSES / pair_seconds)
            wanted = min(PAIRS, max(FEWEST_PAIRS, affordable))
            fewest = STAGES[0].processes * FEWEST_PAIRS
            if fewest * pair_seconds > self._patience.max_seconds:
                needed = 1.2 * fewest * pair_seconds
                self.reason = BlocksTooLong(pair_seconds, fewest, self._patience.max_seconds, needed)
                return
            # A quarter more than the time for all: the last pair of processes is finished once it is begun.
            deadline = began + max(self._seconds_left, 1.25 * wanted * pair_seconds)
            # More pairs than are wanted only as long as the time that is left does for all processes that may follow.
            fair = began + self._seconds_left / max(1, MOST_PROCESSES - len(self._logs))
            pairs: list[Pair] = []
            clean: list[Pair] = []
            watch = Watch(self._cpus, [here.counters, there.counters])
            for number in range(len(self._pairs), len(self._pairs) + 2 * TIMES_AS_MANY * wanted):
                enough = are_enough(clean, wanted) or (len(clean) >= wanted and now() + pair_seconds > fair)
                if enough or now() + pair_seconds > deadline:
                    break
                collect_garbage()
                self._report()
                calls = [w.calls_per_block for w in warm]
                until = deadline + pair_seconds
                pair = time_pair(here, calls[0], there, calls[1], number % 2 == 0, watch, until=until)
                pairs.append(replace(pair, number=number))
                self._pairs.append(pairs[-1])
                if pair.evidence.disturbance is None:
                    clean.append(pairs[-1])
        self._clean += clean
        self._surroundings.update((remark, None) for work in (here, there) for remark in work.remarks())
        if len(clean) >= max(FEWEST_PAIRS, wanted / 3):
            self._logs.append(centre([math.log(speedup(p)) for p in clean]))
            self._pairs_of.append(pairs)
            self.decision, self._contradiction = decide_by_totals_too(self._logs, self._pairs_of)

    def concluded(self, record: AgainstMeasurement) -> AgainstMeasurement:
        """Return the record with what was measured and decided."""
        by = self.decision.by if self.decision else range(len(self._logs))
        logs = [self._logs[k] for k in by]
        timed = [p for k in by for p in self._pairs_of[k]]
        speedups = tuple(math.exp(log) for log in self._logs)
        verdict = self.decision.verdict if self.decision else Verdict.INCONCLUSIVE
        notes: tuple[Remark, ...] = ()
        reason = self.reason
        assert record.budget is not None
        if self.decision is not None and verdict is Verdict.INCONCLUSIVE:
            reason = self._contradiction or ProcessesDisagree(speedups)
        elif speedups:
            notes = (ProcessesDiffer(speedups, len(logs) < len(speedups), slower=verdict is Verdict.FAIL),)
        unit, confidence = record.budget.unit, self._patience.confidence
        return replace(
            record,
            verdict=verdict,
            reason=reason,
            estimate=estimate(logs, len(self._clean), unit, confidence) if logs else None,
            pairs=tuple(self._clean),
            set_aside=tuple(p for p in self._pairs if p.evidence.disturbance is not None),
            evidence=total(p.evidence for p in self._pairs),
            calls_per_block=self._warm_ups[0].calls_per_block if self._warm_ups else 1,
            warm_up_calls=sum(w.calls for w in self._warm_ups),
            steady=bool(self._warm_ups) and all(w.steady for w in self._warm_ups),
            seconds_spent=self._patience.max_seconds - self._seconds_left,
            total=speedup(in_total(timed)) if timed else None,
            notes=(*notes, *self._surroundings),
        )

    def _report(self) -> None:
        self._patience.report(len(self._pairs), None, now() + max(0.0, self._seconds_left))
