"""Results files, brought to the form that records are read from.

Files hold reasons and notes as sentences, with the facts beside them. Those of version 0.1.0 hold sentences alone, for
disturbances too, and have a space before the units of budgets.
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
    """Return the document as records are read from it, changed in place. Damage is left to the reader."""
    for part in remarked(document):
        _take_facts(part)
    for measurement in _measurements(document):
        budget = measurement.get("budget")
        if isinstance(budget, dict) and isinstance(budget.get("unit"), str):
            budget["unit"] = budget["unit"].strip()
        for evidence in _evidence(measurement):
            if isinstance(evidence.get("disturbance"), str):
                evidence["disturbance"] = _disturbance(evidence["disturbance"])
        label = measurement.get("label")
        if "baseline" not in measurement and isinstance(label, str) and " over " in label:
            measurement["baseline"] = label.rpartition(" over ")[2]
    return document


def remarked(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the parts of a document that have a reason or notes: measurements and claims."""
    yield from _measurements(document)
    yield from _objects(document.get("claims"))


def _take_facts(part: dict[str, Any]) -> None:
    """Put facts in the place of sentences, or sentences as they were stated where there are no facts."""
    reason, notes = part.get("reason"), part.get("notes")
    if "reason_facts" in part:
        part["reason"] = part.pop("reason_facts")
    elif isinstance(reason, str):
        part["reason"] = _stated(reason) if reason else None
    if "notes_facts" in part:
        part["notes"] = part.pop("notes_facts")
    elif isinstance(notes, list):
        part["notes"] = [_stated(note) if isinstance(note, str) else note for note in notes]


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
