"""What one run knows, and what is known of a test while it runs. The parts of a run share nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_cpuperf import __version__
from pytest_cpuperf.machine.fingerprint import describe_machine
from pytest_cpuperf.machine.limits import Limits, read_limits
from pytest_cpuperf.machine.placement import usable_cpus
from pytest_cpuperf.machine.slots import Slot, Turns
from pytest_cpuperf.machine.topology import Topology, read_topology
from pytest_cpuperf.results.findings import CheckResult
from pytest_cpuperf.results.machine import Machine
from pytest_cpuperf.results.placement import Placement
from pytest_cpuperf.results.run import OtherRevision, RunResult, TestRecord
from pytest_cpuperf.settings.table import Settings

if TYPE_CHECKING:
    from pytest_cpuperf.fixture import CpuPerf
    from pytest_cpuperf.machine.pin import Pin
    from pytest_cpuperf.marker import Marker
    from pytest_cpuperf.run.surroundings import Surroundings


@dataclass
class RunningTest:
    """A test while it runs."""

    marker: Marker | None = None
    placement: Placement | None = None
    cannot_place: str | None = None
    """Why this machine cannot give the placement that the test asks for."""
    pin: Pin | None = None
    fixture: CpuPerf | None = None
    surroundings: Surroundings | None = None
    """What was outside the placement while the test measured."""
    _reports: dict[str, pytest.TestReport] = field(default_factory=dict)
    """On the phases of the last attempt. pytest-retry runs a test again and only then changes its report's outcome."""

    @property
    def outcome(self) -> str:
        """pytest's word for how the test ended: what went wrong in any phase, else how its call ended."""
        outcomes: dict[str, str] = {phase: report.outcome for phase, report in self._reports.items()}
        if "failed" in outcomes.values():
            return "failed"
        return outcomes.get("call") or outcomes.get("setup", "passed")

    def add(self, report: pytest.TestReport) -> None:
        """Take note of how a phase ended."""
        if report.when == "setup":
            self._reports.clear()
        self._reports[report.when or ""] = report

    def begin_attempt(self) -> None:
        """Forget an earlier attempt: a test that is run again is judged by its last."""
        self.fixture = None
        self.surroundings = None
        if self.placement is not None:
            self.placement = replace(self.placement, strays=(), memory_elsewhere=None)


TEST = pytest.StashKey[RunningTest]()
"""Where an item keeps what is known of it while it runs."""


def is_measured(item: pytest.Item) -> bool:
    """Return whether a test asks for the `cpuperf` fixture."""
    return "cpuperf" in getattr(item, "fixturenames", ())


@dataclass
class WorkerPart:
    """What an xdist worker is, and its part of the machine."""

    name: str
    slot: Slot | None = None
    turns: Turns | None = None
    """Keeps measured tests of workers that share CPUs from running at once."""

    @classmethod
    def of(cls, config: pytest.Config) -> WorkerPart | None:
        """Return what the controller told this process; None where it is no worker."""
        given: dict[str, Any] | None = getattr(config, "workerinput", None)
        if given is None:
            return None
        part = given.get("cpuperf")
        if part is None:
            return cls(given["workerid"])
        return cls(given["workerid"], Slot(**part["slot"]), Turns(Path(part["locks"])))


class Run:
    """What one run knows: settings, machine, and the records so far."""

    def __init__(self, settings: Settings, config: pytest.Config) -> None:
        self.settings = settings
        self.config = config
        """pytest's own configuration."""
        self.topology: Topology = read_topology()
        self.limits: Limits = read_limits()
        # Read before any test is pinned: what is usable is part of it.
        self.machine: Machine = describe_machine()
        self.machines: dict[str, Machine] = {self.machine.fingerprint: self.machine}
        """This one, and those of xdist's workers that run elsewhere, by fingerprint."""
        self.worker = WorkerPart.of(config)
        self.static: CheckResult | None = None
        self.against: OtherRevision | None = None
        self.records: dict[tuple[str | None, str], TestRecord] = {}
        """By worker and test id, in the order in which tests ended first: `--dist=each` runs a test in every worker."""

    @property
    def invocation(self) -> Path:
        """The folder in which pytest was called."""
        return self.config.invocation_params.dir

    @property
    def usable_cpus(self) -> int:
        """CPUs' worth of work that can run at once here."""
        return usable_cpus(self.topology, self.limits)

    def result(self) -> RunResult:
        """Return the run as a record."""
        return RunResult(
            version=__version__,
            machine=self.machine,
            machines=self.machines,
            static=self.static,
            against=self.against,
            tests=tuple(self.records.values()),
        )
