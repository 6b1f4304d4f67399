"""The three gates, each run again and again on the same function and on slower versions of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from pytest_cpuperf.calibration.project import Project
from pytest_cpuperf.calibration.work import Cost
from pytest_cpuperf.clock import now
from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.measure.pairs import FEWEST_FOR_A_FIGURE
from pytest_cpuperf.measure.processes import MOST, PAIRS
from pytest_cpuperf.measure.staged import LEAST_SHARE, STAGES
from pytest_cpuperf.measure.stored import judge_processes
from pytest_cpuperf.results.calibration import Calibration, GateRow, counted
from pytest_cpuperf.results.machine import Machine
from pytest_cpuperf.results.measurements import Measurement, ProcessSpeed, ThroughputMeasurement
from pytest_cpuperf.results.remarks import Remark
from pytest_cpuperf.results.remarks.measuring import TooClose
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Verdict
from pytest_cpuperf.system.children import end_with_this_process
from pytest_cpuperf.system.scratch import scratch_folder

GATES = ("compare", "against", "stored")
_CONFIDENCE = 0.95
# What the six comparisons of a run take together on a quiet machine.
_PAIRS_TO_COMPARE = 250
SLOWER_BY = (0.03, 0.05, 0.10)
"""By how much longer the slower versions take."""


def budget_for(slower_by: float) -> float:
    """Return the budget that tells a function from one that is so much slower: halfway, as a share of its speed."""
    return round(1 - slower_by / 2, 4)


@dataclass
class _Counts:
    """The verdicts so far, by slower version and budget, and why they were inconclusive."""

    verdicts: dict[tuple[float, float], list[tuple[Verdict, float]]] = field(default_factory=lambda: defaultdict(list))
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, slower_by: float, at_least: float, verdict: Verdict, seconds: float) -> None:
        self.verdicts[slower_by, at_least].append((verdict, seconds))


class Calibrating:
    """Runs gates on a project of its own."""

    def __init__(
        self,
        function: str | None,
        runs: int,
        max_seconds: float,
        word: Callable[[Remark], str],
        progress: Callable[[str], None],
    ) -> None:
        """Measure what a call takes. Raises UsageError where the function cannot be had or raises."""
        self._function = function
        self._runs = runs
        self._max_seconds = max_seconds
        self._word = word
        self._progress = progress
        began = now()
        self.cost = measured_cost(function)
        self._start_seconds = now() - began
        """What a process takes to start, roughly: the one that measured the cost also measured for a second."""
        self._counts: dict[str, _Counts] = {}

    def expected_seconds(self, gates: Sequence[str]) -> float:
        """Return how long running the gates takes, roughly: it depends on how noisy the machine is."""
        start, block = self._start_seconds, max(0.05, self.cost.calls * self.cost.call_seconds)
        alone = start + min(self._max_seconds, 2 * FEWEST_FOR_A_FIGURE * block)  # a test that measures one function
        versions = 1 + len(SLOWER_BY)
        of_one_run = {
            "compare": versions * start + min(2 * len(SLOWER_BY) * self._max_seconds, _PAIRS_TO_COMPARE * 2 * block),
            "against": versions * (alone + STAGES[1].processes * (2 * start + 2 * PAIRS * block)),
            "stored": (1 + versions) * (alone + MOST * (start + 2 * PAIRS * block)),
        }
        return self._runs * sum(of_one_run[gate] for gate in gates)

    def run(self, gates: Sequence[str]) -> None:
        """Run the gates. Raises UsageError where one of them cannot be run. `so_far` has what they showed."""
        runners = {"compare": self._compare, "against": self._against, "stored": self._stored}
        budgets = [budget_for(slower_by) for slower_by in SLOWER_BY]
        for gate in gates:
            counts = self._counts[gate] = _Counts()
            for number in range(self._runs):
                self._progress(f"{gate}: run {number + 1} of {self._runs}")
                with scratch_folder("calibrate") as folder:
                    project = Project(folder, self._function, self.cost.calls, self._max_seconds, budgets)
                    runners[gate](project, counts)

    def so_far(self, machine: Machine) -> Calibration:
        """Return what the gates showed, of all runs or of those until it was interrupted."""
        reasons = sum((counts.reasons for counts in self._counts.values()), Counter[str]())
        return Calibration(
            machine=machine,
            function=self._function or "default",
            call_seconds=self.cost.call_seconds,
            runs=self._runs,
            max_seconds=self._max_seconds,
            rows=tuple(row for gate, counts in self._counts.items() for row in _rows(gate, counts)),
            reasons=tuple(text for text, _ in reasons.most_common(3)),
        )

    def _versions(self, project: Project) -> Iterator[float]:
        """Yield how much slower the project is now: not at all, then each of `SLOWER_BY`."""
        for slower_by in (0.0, *SLOWER_BY):
            project.be_slower(self.cost.pieces(slower_by))
            yield slower_by

    def _compare(self, project: Project, counts: _Counts) -> None:
        for slower_by in self._versions(project):
            wanted = SLOWER_BY if slower_by == 0 else (slower_by,)
            ids = [f"test_it.py::test_compare[{budget_for(s):g}]" for s in wanted]
            for at_least, found in zip(map(budget_for, wanted), project.run(*ids).measurements, strict=True):
                self._add(counts, slower_by, at_least, found, found.seconds_spent)

    def _against(self, project: Project, counts: _Counts) -> None:
        project.commit()
        for slower_by in self._versions(project):
            ran = project.run("--cpuperf-against=HEAD", "test_it.py::test_alone")
            _, found = ran.measurements
            seconds = ran.seconds - ran.measurements[0].seconds_spent
            self._add(counts, slower_by, LEAST_SHARE, found, seconds)

    def _stored(self, project: Project, counts: _Counts) -> None:
        base = project.run("--cpuperf-save=base", "test_it.py::test_alone").measurements[0]
        for slower_by in self._versions(project):
            ran = project.run("--cpuperf-save=head", "test_it.py::test_alone")
            head = ran.measurements[0]
            seconds = ran.seconds - head.seconds_spent
            both = _processes(head), _processes(base)
            for at_least in map(budget_for, SLOWER_BY if slower_by == 0 else (slower_by,)):
                if all(both):
                    verdict, ratio, used = judge_processes(*both, at_least, _CONFIDENCE, Unit())
                    counts.add(slower_by, at_least, verdict, seconds * used / len(both[0]))
                    if verdict is Verdict.INCONCLUSIVE:
                        counts.reasons[self._word(TooClose(ratio.estimate.smallest_difference))] += 1
                else:
                    counts.add(slower_by, at_least, Verdict.INCONCLUSIVE, seconds)
                    self._keep_reason(counts, base if both[0] else head)

    def _add(self, counts: _Counts, slower_by: float, at_least: float, found: Measurement, seconds: float) -> None:
        """Count a verdict, and the reason where it is inconclusive."""
        counts.add(slower_by, at_least, found.verdict, seconds)
        if found.verdict is Verdict.INCONCLUSIVE:
            self._keep_reason(counts, found)

    def _keep_reason(self, counts: _Counts, found: Measurement) -> None:
        reasons = [r for r in (found.reason, *found.notes) if r is not None]
        if reasons:
            counts.reasons[self._word(reasons[0])] += 1


def _processes(record: Measurement) -> tuple[ProcessSpeed, ...]:
    """Return what was measured in fresh processes; nothing where the machine did not let all be measured."""
    assert isinstance(record, ThroughputMeasurement)
    return record.processes


def _rows(gate: str, counts: _Counts) -> Iterator[GateRow]:
    for slower_by in SLOWER_BY:
        at_least = LEAST_SHARE if gate == "against" else budget_for(slower_by)
        same, slower = counts.verdicts[0.0, at_least], counts.verdicts[slower_by, at_least]
        yield GateRow(gate, slower_by, at_least, counted(same), counted(slower))


def measured_cost(function: str | None) -> Cost:
    """Return what a call takes, measured in a process of its own. Raises UsageError where it cannot be called."""
    command = [sys.executable, "-m", "pytest_cpuperf.calibration.work", *filter(None, [function])]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, preexec_fn=end_with_this_process()
    )
    try:
        told = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        raise UsageError(f"{function} ended its process with {done.returncode}") from None
    if "error" in told:
        raise UsageError(f"--function: {told['error']}")
    return Cost(**told)
