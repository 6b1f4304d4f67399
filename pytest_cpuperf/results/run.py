"""One test run as a document: schema `cpuperf/results/1`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pytest_cpuperf.results.claims import Claim

SCHEMA = "cpuperf/results/1"


@dataclass(frozen=True)
class TestRecord:
    """What one test left behind. Plain data inside, because it travels between xdist's processes."""

    __test__ = False  # pytest would collect it by its name

    id: str
    outcome: str
    """pytest's own word: passed, failed or skipped."""
    placement: dict[str, Any] | None
    measurements: list[dict[str, Any]] = field(default_factory=list)
    worker: str | None = None
    line: int | None = None
    """Where the test begins in its file, from 1."""
    machine: str | None = None
    """The fingerprint of the machine it ran on, where that is not the run's."""

    def plain(self) -> dict[str, Any]:
        """Return the test as `cpuperf/results/1` writes it."""
        return {
            "id": self.id,
            "outcome": self.outcome,
            "placement": self.placement,
            "measurements": self.measurements,
            "worker": self.worker,
            "line": self.line,
            "machine": self.machine,
        }


@dataclass(frozen=True)
class RunResult:
    """What one run of `pytest --cpuperf` or `cpuperf prove` found and measured."""

    version: str
    machine: dict[str, Any]
    static: dict[str, Any] | None
    """A `cpuperf/findings/1` document, or None where static checks were off."""
    tests: tuple[TestRecord, ...]
    against: dict[str, Any] | None = None
    """The git revision that tests were held against, its commit, and what only it has."""
    claims: tuple[Claim, ...] = ()
    other_machines: tuple[dict[str, Any], ...] = ()
    """Machines that some of the tests ran on, beside the run's own."""

    def plain(self) -> dict[str, Any]:
        """Return the `cpuperf/results/1` document as plain data."""
        return {
            "schema": SCHEMA,
            "version": self.version,
            "machine": self.machine,
            "machines": {m["fingerprint"]: m for m in (self.machine, *self.other_machines)},
            "static": self.static,
            "against": self.against,
            "tests": [t.plain() for t in self.tests],
            "claims": [c.plain() for c in self.claims],
        }
