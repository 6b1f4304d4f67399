"""Two results files held against each other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from pytest_cpuperf.measure.processes import FEWEST, ratio_of_processes
from pytest_cpuperf.measure.staged import ALLOWED_SPREAD
from pytest_cpuperf.results.comparison import Change, Comparison, Difference, NotCompared, Obstacle
from pytest_cpuperf.results.machine import Machine
from pytest_cpuperf.results.measurements import Measurement, ThroughputMeasurement
from pytest_cpuperf.results.run import RunResult
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Estimate

_CONFIDENCE = 0.95
_MACHINE_FIELDS = (
    ("processor", "processor"),
    ("instruction_set", "instruction set"),
    ("cpus", "CPUs"),
    ("numa_nodes", "NUMA nodes"),
    ("quota", "quota"),
    ("python", "Python"),
    ("thread_variables", "thread variables"),
)


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

    Where both files have fresh processes of a function, the interval of its change is from these. Otherwise it is one
    process against one, and the interval is as wide as such processes differ (`staged.ALLOWED_SPREAD`), on top of both
    files' own. Absolute figures are compared on one and the same machine only.
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
            kernels = {s.reference for s in (*was.processes, *now.processes)}
            if min(len(was.processes), len(now.processes)) >= FEWEST and len(kernels) == 1:
                return _ratio_of_processes(key, was, now)
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
    spread = NormalDist().inv_cdf((1 + _CONFIDENCE) / 2) * ALLOWED_SPREAD
    point = better.point / worse.point
    below = math.hypot(math.log(better.point / better.low), math.log(worse.high / worse.point), spread, spread)
    above = math.hypot(math.log(better.high / better.point), math.log(worse.point / worse.low), spread, spread)
    return Change(*key, point, point * math.exp(-below), point * math.exp(above), basis)


def _ratio_of_processes(key: _Key, was: ThroughputMeasurement, now: ThroughputMeasurement) -> Change:
    head, base = ([s.speed for s in record.processes] for record in (now, was))
    found = ratio_of_processes(head, base, 1 - _CONFIDENCE, Unit("×"), 0, _CONFIDENCE).estimate
    return Change(*key, found.point, found.low, found.high, "relative")


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
