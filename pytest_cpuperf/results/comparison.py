"""Two results files held against each other: what changed beyond its interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_cpuperf.results.document import machine_of

_MACHINE_KEYS = (
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
    def plain(self) -> bool:
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


def compare_documents(base: Mapping[str, Any], head: Mapping[str, Any]) -> Comparison:
    """Compare two `cpuperf/results/1` documents, test by test and label by label.

    The interval of a change is the worst of both files' ends: it holds at least at the level of each. Absolute figures
    are compared on one and the same machine only.
    """
    old, new = _figures(base), _figures(head)
    changes, skipped = [], []
    for key in sorted(old.keys() & new.keys()):
        compared = _change(key, *old[key], *new[key])
        if isinstance(compared, Change):
            changes.append(compared)
        else:
            skipped.append((*key, compared))
    return Comparison(
        differences=_differences(base["machine"], head["machine"], old, new),
        changes=tuple(sorted(changes, key=lambda c: (c.point, c.test, c.label))),
        not_compared=tuple(skipped),
        appeared=tuple(sorted(new.keys() - old.keys())),
        vanished=tuple(sorted(old.keys() - new.keys())),
    )


_Key = tuple[str, str]
_Measured = tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]
"""A test's measurement, its placement and its machine."""


def _figures(document: Mapping[str, Any]) -> dict[_Key, _Measured]:
    return {
        (test["id"], m["label"]): (m, test.get("placement") or {}, machine_of(document, test))
        for test in document["tests"]
        for m in test["measurements"]
    }


def _change(
    key: _Key,
    old: Mapping[str, Any],
    old_place: Mapping[str, Any],
    old_machine: Mapping[str, Any],
    new: Mapping[str, Any],
    new_place: Mapping[str, Any],
    new_machine: Mapping[str, Any],
) -> Change | str:
    """Return the change, or why there is none to be told."""
    if old["kind"] != new["kind"]:
        return f"it was {old['kind']} and is {new['kind']}"
    if old.get("relative") and new.get("relative"):
        if old.get("reference") == new.get("reference"):
            return _ratio(key, old["relative"], new["relative"], "relative")
        return f"measured against different kernels: {old.get('reference')}, {new.get('reference')}"
    before, after = old.get("estimate"), new.get("estimate")
    if not (before and after and before["pairs"] and after["pairs"]):
        return "one side has no estimate"
    if before["unit"] != after["unit"]:
        return f"different units: {before['unit']}, {after['unit']}"
    if before["unit"].startswith("×"):
        return _ratio(key, before, after, "speedup")
    if old_machine["fingerprint"] != new_machine["fingerprint"]:
        return f"absolute figures ({before['unit']}) of different machines"
    if old_place.get("cpus") != new_place.get("cpus"):
        return f"absolute figures ({before['unit']}) of different placements"
    if before["unit"] == "s":  # less is better
        return _ratio(key, after, before, "s")
    return _ratio(key, before, after, before["unit"])


def _ratio(key: _Key, worse: Mapping[str, Any], better: Mapping[str, Any], basis: str) -> Change | str:
    values = [worse[end] for end in ("point", "low", "high")] + [better[end] for end in ("point", "low", "high")]
    if not all(isinstance(v, (int, float)) and v > 0 for v in values):
        return "one side has no estimate"
    point, low, high = (
        better["point"] / worse["point"],
        better["low"] / worse["high"],
        better["high"] / worse["low"],
    )
    return Change(*key, point, low, high, basis)


def _differences(
    base: Mapping[str, Any], head: Mapping[str, Any], old: Mapping[_Key, _Measured], new: Mapping[_Key, _Measured]
) -> tuple[str, ...]:
    said = [
        f"{name}: {_short(base.get(key))} → {_short(head.get(key))}"
        for key, name in _MACHINE_KEYS
        if base.get(key) != head.get(key)
    ]
    before, after = base.get("versions") or {}, head.get("versions") or {}
    said += [
        f"{package}: {before.get(package)} → {after.get(package)}"
        for package in sorted({*before, *after})
        if before.get(package) != after.get(package)
    ]
    moved = {k[0] for k in old.keys() & new.keys() if old[k][1].get("cpus") != new[k][1].get("cpus")}
    if moved:
        said.append(f"{len(moved)} {'test' if len(moved) == 1 else 'tests'} ran on other CPUs")
    return tuple(said)


def _short(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return "none" if value in (None, {}) else str(value)
