"""One test run as a document: schema `cpuperf/results/1`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

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

    def plain(self) -> dict[str, Any]:
        """Return the test as `cpuperf/results/1` writes it."""
        return {
            "id": self.id,
            "outcome": self.outcome,
            "placement": self.placement,
            "measurements": self.measurements,
            "worker": self.worker,
        }


@dataclass(frozen=True)
class RunResult:
    """What one run of `pytest --cpuperf` found and measured."""

    version: str
    machine: dict[str, Any]
    static: dict[str, Any] | None
    """A `cpuperf/findings/1` document, or None where static checks were off."""
    tests: tuple[TestRecord, ...]

    def plain(self) -> dict[str, Any]:
        """Return the `cpuperf/results/1` document as plain data."""
        return {
            "schema": SCHEMA,
            "version": self.version,
            "machine": self.machine,
            "static": self.static,
            "tests": [t.plain() for t in self.tests],
            "claims": [],
        }
