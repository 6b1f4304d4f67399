"""Stored runs: a `cpuperf/results/1` document under a name, for later runs to be held against."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.results.document import read_results
from pytest_cpuperf.results.machine import Machine
from pytest_cpuperf.results.measurements import ProcessSpeed, ThroughputMeasurement
from pytest_cpuperf.results.remarks.measuring import OtherMachine
from pytest_cpuperf.results.run import RunResult


@dataclass(frozen=True)
class StoredFigure:
    """One function's speed against the reference kernel, as it was stored."""

    point: float
    low: float
    high: float
    reference: str
    """What the reference kernel was; speeds against different kernels cannot be compared."""
    processes: tuple[ProcessSpeed, ...] = ()
    """The same in fresh processes."""
    other_machine: OtherMachine | None = None
    """What differs between the machines, where that forbids comparing absolute figures."""


@dataclass(frozen=True)
class StoredRun:
    """A run that was stored under a name."""

    name: str
    run: RunResult

    def figure(self, test_id: str, label: str) -> StoredFigure | None:
        """Return what a test's throughput was, or None where the run has none."""
        for test in self.run.tests:
            for m in test.measurements if test.id == test_id else ():
                if isinstance(m, ThroughputMeasurement) and m.label == label and m.relative and m.reference:
                    found = m.relative
                    return StoredFigure(found.point, found.low, found.high, m.reference, m.processes)
        return None

    def other_machine(self, machine: Machine) -> OtherMachine | None:
        """Return how the machine it was made on differs in what absolute figures depend on; None where it does not."""
        then = self.run.machine
        for differs, what in (
            (then.instruction_set != machine.instruction_set, "instruction set"),
            (then.usable != machine.usable, "number of usable CPUs"),
            (then.processor != machine.processor, "processor"),
        ):
            if differs:
                return OtherMachine(self.name, what)
        return None


def stored_path(name: str, cache: Path | None, root: Path, invocation: Path) -> Path:
    """Return the file of a stored run: `NAME.json` beside the cache, or a file named outright by `….json`.

    Raises UsageError for a name that is neither.
    """
    if name.endswith(".json"):
        return invocation / name
    if not re.fullmatch(r"[\w][\w.-]*", name) or name == "peak":
        raise UsageError(f"a stored run's name has letters, digits, '-', '_' and '.', or ends in .json; found {name!r}")
    if cache is None:
        raise UsageError(f"no cache folder to keep the run {name!r} in", "set cache-dir, or name a file: NAME.json")
    # One folder serves all projects of a user. The hash of its path keeps a project apart, the name is for people.
    place = root.resolve()
    project = hashlib.sha256(os.fsencode(place)).hexdigest()[:16]
    known_as = re.sub(r"\W+", "-", place.name, flags=re.ASCII).strip("-")[:60]
    return cache / "runs" / f"{known_as}-{project}".strip("-") / f"{name}.json"


def read_run(name: str, path: Path) -> StoredRun | None:
    """Return a stored run, or None where there is none. Raises UsageError where the file is no such document."""
    try:
        return StoredRun(name, read_results(path, "stored run", _REPAIR))
    except FileNotFoundError:
        return None


def with_earlier_tests(path: Path, run: RunResult) -> RunResult:
    """Return a run with the tests of the run stored before that were not run this time, on the same machine."""
    try:
        before = read_run("", path)
    except UsageError:
        before = None  # damaged or from elsewhere: written anew, as the user asked
    if before is None or before.run.machine.fingerprint != run.machine.fingerprint:
        return run
    fresh = {test.id for test in run.tests}
    return replace(run, tests=(*run.tests, *(test for test in before.run.tests if test.id not in fresh)))


_REPAIR = "pytest --cpuperf --cpuperf-save writes it anew"
