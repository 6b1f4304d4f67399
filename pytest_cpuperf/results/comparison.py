"""Two results files held against each other: what changed beyond its interval."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pytest_cpuperf.results.machine import Machine
from pytest_cpuperf.results.measurements import Measurement, ThroughputMeasurement
from pytest_cpuperf.results.run import RunResult
from pytest_cpuperf.results.verdicts import Estimate

_MACHINE_FIELDS = (
    ("processor", "processor"),
    ("instruction_set", "instruction set"),
    ("cpus", "CPUs"),
    ("numa_nodes", "NUMA nodes"),
    ("quota", "quota"),
    ("python", "Python"),
    ("thread_variables", "thread variables"),
)


@dataclass(frozen=True)
class Change:
    """How a figure of one test changed: above 1 the head is better."""

    test: str
    label: str
    point: float
    low: float
    high: float
    basis: str
    """What was compared: `relative` (to the machine), `speedup`, or the absolute figure's unit."""

    @property
    def beyond_noise(self) -> bool:
        """Whether the change is beyond its interval."""
        return self.low > 1 or self.high < 1


class Obstacle(Enum):
    """Why two figures of one test cannot be compared."""

    KIND = "kind"
    KERNEL = "kernel"
    """Speeds against different reference kernels."""
    NO_ESTIMATE = "no estimate"
    UNIT = "unit"
    MACHINE = "machine"
    """Absolute figures of different machines."""
    PLACEMENT = "placement"
    """Absolute figures of different CPUs of one machine."""


@dataclass(frozen=True)
class NotCompared:
    """A measurement that both files have and that cannot be compared."""

    test: str
    label: str
    obstacle: Obstacle
    base: str = ""
    head: str = ""
    """What the obstacle is in either file: their kinds, kernels or units."""


@dataclass(frozen=True)
class Difference:
    """What differs between the two machines, or what ran on them."""

    name: str
    base: str
    head: str


@dataclass(frozen=True)
class Comparison:
    """All of two files."""

    differences: tuple[Difference, ...]
    moved_tests: int
    """How many tests ran on other CPUs."""
    changes: tuple[Change, ...]
    """What got worse first."""
    not_compared: tuple[NotCompared, ...]
    appeared: tuple[tuple[str, str], ...]
    vanished: tuple[tuple[str, str], ...]


_Key = tuple[str, str]
"""A test's id and a label."""


@dataclass(frozen=True)
class _Measured:
    """A test's measurement, and where it was made."""

    record: Measurement
    cpus: tuple[int, ...] | None
    machine: Machine


def compare_runs(base: RunResult, head: RunResult) -> Comparison:
    """Compare two runs, test by test and label by label.

    The interval of a change is the worst of both files' ends: it holds at least at the level of each. Absolute figures
    are compared on one and the same machine only.
    """
    old, new = _measured(base), _measured(head)
    changes, skipped = [], []
    for key in sorted(old.keys() & new.keys()):
        compared = _change(key, old[key], new[key])
        if isinstance(compared, Change):
            changes.append(compared)
        else:
            skipped.append(compared)
    return Comparison(
        differences=tuple(_differences(base.machine, head.machine)),
        moved_tests=len({key[0] for key in old.keys() & new.keys() if old[key].cpus != new[key].cpus}),
        changes=tuple(sorted(changes, key=lambda c: (c.point, c.test, c.label))),
        not_compared=tuple(skipped),
        appeared=tuple(sorted(new.keys() - old.keys())),
        vanished=tuple(sorted(old.keys() - new.keys())),
    )


def _measured(run: RunResult) -> dict[_Key, _Measured]:
    return {
        (test.id, m.label): _Measured(m, test.placement.cpus if test.placement else None, run.machine_of(test))
        for test in run.tests
        for m in test.measurements
    }


def _change(key: _Key, old: _Measured, new: _Measured) -> Change | NotCompared:
    """Return the change, or why there is none."""
    was, now = old.record, new.record
    if was.kind != now.kind:
        return NotCompared(*key, Obstacle.KIND, was.kind, now.kind)
    if isinstance(was, ThroughputMeasurement) and isinstance(now, ThroughputMeasurement):
        if was.relative and now.relative:
            if was.reference == now.reference:
                return _ratio(key, was.relative, now.relative, "relative")
            return NotCompared(*key, Obstacle.KERNEL, was.reference or "", now.reference or "")
    before, after = was.estimate, now.estimate
    if not (before and after and before.pairs and after.pairs):
        return NotCompared(*key, Obstacle.NO_ESTIMATE)
    if before.unit != after.unit:
        return NotCompared(*key, Obstacle.UNIT, before.unit, after.unit)
    if before.unit.is_ratio:
        return _ratio(key, before, after, "speedup")
    if old.machine.fingerprint != new.machine.fingerprint:
        return NotCompared(*key, Obstacle.MACHINE, before.unit, after.unit)
    if old.cpus != new.cpus:
        return NotCompared(*key, Obstacle.PLACEMENT, before.unit, after.unit)
    if before.unit == "s":  # less is better
        return _ratio(key, after, before, "s")
    return _ratio(key, before, after, before.unit)


def _ratio(key: _Key, worse: Estimate, better: Estimate, basis: str) -> Change | NotCompared:
    values = (worse.point, worse.low, worse.high, better.point, better.low, better.high)
    if not all(v > 0 for v in values):
        return NotCompared(*key, Obstacle.NO_ESTIMATE)
    return Change(*key, better.point / worse.point, better.low / worse.high, better.high / worse.low, basis)


def _differences(base: Machine, head: Machine) -> Iterator[Difference]:
    for field, name in _MACHINE_FIELDS:
        was, now = getattr(base, field), getattr(head, field)
        if was != now:
            yield Difference(name, _short(was), _short(now))
    for package in sorted({*base.versions, *head.versions}):
        before, after = base.versions.get(package), head.versions.get(package)
        if before != after:
            yield Difference(package, str(before), str(after))


def _short(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "none"
    return "none" if value is None or value == {} else str(value)
