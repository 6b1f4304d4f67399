"""Results files of earlier versions, brought to the form that is read today.

Version 0.1.0 wrote reasons, notes and disturbances as sentences, and units of budgets with a space before them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_DISTURBANCES = (
    ("waiting", re.compile(r"other processes kept it waiting for (\d+)% of its time")),
    ("others", re.compile(r"other processes took (\d+)% of its CPUs")),
    ("hypervisor", re.compile(r"the hypervisor took (\d+)% of its CPUs")),
    ("memory", re.compile(r"memory ran short for (\d+)% of its time")),
    ("quota", re.compile(r"the CPU quota stopped it (\d+) times")),
)


def upgraded(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with what 0.1.0 wrote differently replaced, in place. Other damage is left to the reader."""
    for measurement in _measurements(document):
        _state_reason(measurement)
        notes = measurement.get("notes")
        if isinstance(notes, list):
            measurement["notes"] = [_stated(n) if isinstance(n, str) else n for n in notes]
        budget = measurement.get("budget")
        if isinstance(budget, dict) and isinstance(budget.get("unit"), str):
            budget["unit"] = budget["unit"].strip()
        for evidence in _evidence(measurement):
            if isinstance(evidence.get("disturbance"), str):
                evidence["disturbance"] = _disturbance(evidence["disturbance"])
        label = measurement.get("label")
        if "baseline" not in measurement and isinstance(label, str) and " over " in label:
            measurement["baseline"] = label.rpartition(" over ")[2]
    for claim in _objects(document.get("claims")):
        _state_reason(claim)
    return document


def _state_reason(written: dict[str, Any]) -> None:
    if isinstance(written.get("reason"), str):
        written["reason"] = _stated(written["reason"]) if written["reason"] else None


def _measurements(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for test in _objects(document.get("tests")):
        yield from _objects(test.get("measurements"))
    for claim in _objects(document.get("claims")):
        yield from _objects([claim.get("measurement"), *_objects(claim.get("also"))])


def _evidence(measurement: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield from _objects([measurement.get("evidence")])
    for key in ("pairs", "set_aside", "groups"):
        yield from _objects([part.get("evidence") for part in _objects(measurement.get(key))])


def _objects(values: Any) -> Iterator[dict[str, Any]]:
    if isinstance(values, list):
        yield from (value for value in values if isinstance(value, dict))


def _stated(text: str) -> dict[str, str]:
    return {"kind": "stated", "text": text}


def _disturbance(sentence: str) -> dict[str, Any]:
    for kind, form in _DISTURBANCES:
        found = form.fullmatch(sentence)
        if found:
            number = int(found[1])
            return {"kind": kind, "times": number} if kind == "quota" else {"kind": kind, "share": number / 100}
    return {"kind": "others"}
