"""Stored runs: a `cpuperf/results/1` document under a name, for later runs to be held against."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.results.document import read_results
from pytest_cpuperf.results.files import write_json


@dataclass(frozen=True)
class StoredFigure:
    """One function's speed against the reference kernel, as it was stored."""

    point: float
    low: float
    high: float
    reference: str
    """What the reference kernel was; speeds against different kernels cannot be compared."""
    note: str | None = None
    """What differs between the machines, where that forbids comparing absolute figures."""


@dataclass(frozen=True)
class StoredRun:
    """A run that was stored under a name."""

    name: str
    machine: Mapping[str, Any]
    tests: Mapping[str, Mapping[str, Any]]

    def figure(self, test_id: str, label: str) -> StoredFigure | None:
        """Return what a test's throughput was, or None where the run has none."""
        for measurement in self.tests.get(test_id, {}).get("measurements", ()):
            relative = measurement.get("relative")
            if measurement.get("label") == label and relative:
                return StoredFigure(
                    float(relative["point"]), float(relative["low"]), float(relative["high"]), measurement["reference"]
                )
        return None

    def another_machine(self, machine: Mapping[str, Any]) -> str | None:
        """Return how the machine it was made on differs in what absolute figures depend on; None where it does not."""
        for key, what in (
            ("instruction_set", "another instruction set"),
            ("usable", "another number of usable CPUs"),
            ("processor", "another processor"),
        ):
            if self.machine.get(key) != machine.get(key):
                return f"{self.name} was made on {what}"
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
    # One folder serves all projects of a user: the project's own folder name and place keep them apart.
    project = re.sub(r"\W+", "-", str(root.resolve())).strip("-")
    return cache / "runs" / project / f"{name}.json"


def read_run(name: str, path: Path) -> StoredRun | None:
    """Return a stored run, or None where there is none. Raises UsageError where the file is no such document."""
    try:
        document = read_results(path, "stored run", _ANEW)
    except FileNotFoundError:
        return None
    return StoredRun(name, document["machine"], {test["id"]: test for test in document["tests"]})


def write_run(path: Path, document: dict[str, Any]) -> None:
    """Store a run; tests of the run that was there and were not run this time stay, on the same machine."""
    try:
        before = read_run("", path)
    except UsageError:
        before = None  # damaged or from elsewhere: written anew, as the user asked
    if before is not None and before.machine.get("fingerprint") == document["machine"]["fingerprint"]:
        fresh = {test["id"] for test in document["tests"]}
        kept = [dict(test) for test_id, test in before.tests.items() if test_id not in fresh]
        document = {**document, "tests": [*document["tests"], *kept]}
    write_json(path, document)


_ANEW = "pytest --cpuperf --cpuperf-save writes it anew"
