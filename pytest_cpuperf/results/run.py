"""One test run as a record: schema `cpuperf/results/1`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_cpuperf.results.claims import Claim
from pytest_cpuperf.results.findings import CheckResult
from pytest_cpuperf.results.machine import Machine
from pytest_cpuperf.results.measurements import Measurement
from pytest_cpuperf.results.placement import Placement

SCHEMA = "cpuperf/results/1"


@dataclass(frozen=True)
class TestRecord:
    """What one test left behind."""

    __test__ = False  # pytest would collect it by its name

    id: str
    outcome: str
    """pytest's own word: passed, failed or skipped."""
    placement: Placement | None = None
    measurements: tuple[Measurement, ...] = ()
    worker: str | None = None
    """The xdist worker that ran it."""
    line: int | None = None
    """Where the test begins in its file, from 1."""
    machine: str | None = None
    """The fingerprint of the machine it ran on, where that is not the run's."""


@dataclass(frozen=True)
class OtherRevision:
    """The git revision that a run was held against (`--cpuperf-against`)."""

    revision: str
    """As the user wrote it."""
    commit: str
    changed_files: int = 0
    """How many files of the working tree differ from it."""
    only_there: tuple[str, ...] = ()
    """Ids of tests that the working tree no longer has."""


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What one run of `pytest --cpuperf` or `cpuperf prove` found and measured."""

    version: str
    """Of pytest-cpuperf."""
    machine: Machine
    machines: Mapping[str, Machine] = field(default_factory=dict)
    """All machines that tests ran on, the run's own among them, by fingerprint."""
    static: CheckResult | None = None
    """None where static checks were off."""
    against: OtherRevision | None = None
    tests: tuple[TestRecord, ...] = ()
    claims: tuple[Claim, ...] = ()

    def machine_of(self, test: TestRecord) -> Machine:
        """Return the machine a test ran on."""
        return self.machines.get(test.machine or "", self.machine)
