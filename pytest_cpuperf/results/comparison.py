"""Two results files held against each other: what changed beyond its interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Comparison:
    """All of two files."""

    differences: tuple[str, ...]
    """What differs between the two machines and what ran on them, each in a line."""
    changes: tuple[Change, ...]
    """What got worse first."""
    not_compared: tuple[tuple[str, str, str], ...]
    """(test, label, why) of what both have and cannot be compared."""
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
            skipped.append((*key, compared))
    return Comparison(
        differences=_differences(base.machine, head.machine, old, new),
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


def _change(key: _Key, old: _Measured, new: _Measured) -> Change | str:
    """Return the change, or why there is none to be told."""
    was, now = old.record, new.record
    if was.kind != now.kind:
        return f"it was {was.kind} and is {now.kind}"
    if isinstance(was, ThroughputMeasurement) and isinstance(now, ThroughputMeasurement):
        if was.relative and now.relative:
            if was.reference == now.reference:
                return _ratio(key, was.relative, now.relative, "relative")
            return f"measured against different kernels: {was.reference}, {now.reference}"
    before, after = was.estimate, now.estimate
    if not (before and after and before.pairs and after.pairs):
        return "one side has no estimate"
    if before.unit != after.unit:
        return f"different units: {before.unit}, {after.unit}"
    if before.unit.is_ratio:
        return _ratio(key, before, after, "speedup")
    if old.machine.fingerprint != new.machine.fingerprint:
        return f"absolute figures ({before.unit}) of different machines"
    if old.cpus != new.cpus:
        return f"absolute figures ({before.unit}) of different placements"
    if before.unit == "s":  # less is better
        return _ratio(key, after, before, "s")
    return _ratio(key, before, after, before.unit)


def _ratio(key: _Key, worse: Estimate, better: Estimate, basis: str) -> Change | str:
    values = (worse.point, worse.low, worse.high, better.point, better.low, better.high)
    if not all(v > 0 for v in values):
        return "one side has no estimate"
    return Change(*key, better.point / worse.point, better.low / worse.high, better.high / worse.low, basis)


def _differences(
    base: Machine, head: Machine, old: Mapping[_Key, _Measured], new: Mapping[_Key, _Measured]
) -> tuple[str, ...]:
    said = [
        f"{name}: {_short(getattr(base, field))} → {_short(getattr(head, field))}"
        for field, name in _MACHINE_FIELDS
        if getattr(base, field) != getattr(head, field)
    ]
    said += [
        f"{package}: {base.versions.get(package)} → {head.versions.get(package)}"
        for package in sorted({*base.versions, *head.versions})
        if base.versions.get(package) != head.versions.get(package)
    ]
    moved = {key[0] for key in old.keys() & new.keys() if old[key].cpus != new[key].cpus}
    if moved:
        said.append(f"{len(moved)} {'test' if len(moved) == 1 else 'tests'} ran on other CPUs")
    return tuple(said)


def _short(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value)) or "none"
    return "none" if value is None or value == {} else str(value)
