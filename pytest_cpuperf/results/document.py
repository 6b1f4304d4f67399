"""Results files as they are read: one, or the shards of a run put together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.results.run import SCHEMA

_FAMILY = SCHEMA.rpartition("/")[0]
_VERSION = int(SCHEMA.rpartition("/")[2])


def read_results(path: Path, what: str = "results file", anew: str | None = None) -> dict[str, Any]:
    """Return a `cpuperf/results/1` document. `what` names the file in messages, and `anew` how to make it again.

    Raises FileNotFoundError where there is none, and UsageError where it cannot be read, is damaged, of another schema,
    or from a newer version.
    """
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UsageError(f"cannot read the {what} {path}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise UsageError(f"the {what} {path} is damaged: it is no JSON", anew) from None
    schema = document.get("schema") if isinstance(document, dict) else None
    family, _, version = str(schema).rpartition("/")
    if family != _FAMILY or not version.isdigit():
        raise UsageError(f"{path} is no {what}: expected schema {SCHEMA}, found {schema!r}", anew)
    if int(version) > _VERSION:
        raise UsageError(
            f"{path} is from a newer cpuperf ({schema}; this one reads {SCHEMA})", "upgrade pytest-cpuperf"
        )
    if not _whole(document):
        raise UsageError(f"the {what} {path} is damaged: a part of it is missing", anew)
    result: dict[str, Any] = document
    return result


def _whole(document: Mapping[str, Any]) -> bool:
    """Return whether a document has the parts that every reader asks for."""
    try:
        tests, machine = document["tests"], document["machine"]
        return (
            isinstance(machine, dict)
            and isinstance(machine["fingerprint"], str)
            and isinstance(machine["cpus"], list)
            and all(isinstance(t["id"], str) and isinstance(t["outcome"], str) for t in tests)
            and all(_whole_measurement(m) for t in tests for m in t["measurements"])
            and all(
                _whole_measurement(m)
                for c in document.get("claims", ())
                for m in (c["measurement"], *c.get("also", ()))
            )
        )
    except (KeyError, TypeError, AttributeError):
        return False


def _whole_measurement(measurement: Mapping[str, Any]) -> bool:
    words = [measurement[key] for key in ("kind", "label", "verdict", "reason")]
    if measurement.get("relative"):
        words.append(measurement["reference"])
    estimates = [e for e in map(measurement.get, ("estimate", "relative", "rate")) if e is not None]
    # Where nothing was measured the figures are no numbers, which are written as null.
    figures = [e[end] for e in estimates if e["pairs"] for end in ("point", "low", "high")]
    return (
        all(isinstance(word, str) for word in (*words, *(e["unit"] for e in estimates)))
        and all(isinstance(e["pairs"], int) for e in estimates)
        and all(isinstance(f, (int, float)) and not isinstance(f, bool) for f in figures)
    )


def merged(documents: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return several runs as one document, and the ids of tests that more than one of them has.

    Of a test that comes twice the first stays. Each test is told which machine it ran on; `machine` is that of the
    first run. Merging is associative: shards may be put together in steps. Raises ValueError for no documents.
    """
    if not documents:
        raise ValueError("expected at least one document, found none")
    machines: dict[str, Any] = {}
    tests: dict[str, dict[str, Any]] = {}
    twice: list[str] = []
    claims: list[Any] = []
    for document in documents:
        here = document["machine"]["fingerprint"]
        machines = {here: document["machine"], **document.get("machines", {}), **machines}
        for test in document["tests"]:
            if test["id"] in tests:
                twice.append(test["id"])
            else:
                tests[test["id"]] = {**test, "machine": test.get("machine") or here}
        claims += [claim for claim in document.get("claims", ()) if claim not in claims]
    first = documents[0]
    whole = {
        **first,
        "machines": machines,
        "static": _merged_static([d["static"] for d in documents if d.get("static")]),
        "against": next((d["against"] for d in documents if d.get("against")), None),
        "tests": list(tests.values()),
        "claims": claims,
    }
    return whole, tuple(dict.fromkeys(twice))


def _merged_static(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return findings of several shards, each once: shards of one project find the same."""
    if not parts:
        return None
    findings = {(f["path"], f["fingerprint"]): f for part in reversed(parts) for f in part["findings"]}
    errors = {(e["path"], e["line"], e["message"]): e for part in reversed(parts) for e in part["errors"]}
    return {
        **parts[0],
        "files_checked": max(part["files_checked"] for part in parts),
        "findings": sorted(findings.values(), key=lambda f: (f["path"], f.get("cell") or 0, f["line"], f["column"])),
        "errors": sorted(errors.values(), key=lambda e: (e["path"], e["line"] or 0, e["message"])),
    }


def machine_of(document: Mapping[str, Any], test: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the machine a test ran on."""
    machines: Mapping[Any, Mapping[str, Any]] = document.get("machines", {})
    machine: Mapping[str, Any] = machines.get(test.get("machine"), document["machine"])
    return machine
