"""Results files: written, read, and the shards of a run put together."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.results.claims import Claim
from pytest_cpuperf.results.codec import DecodeError, from_json, to_json
from pytest_cpuperf.results.findings import CheckResult, findings_document
from pytest_cpuperf.results.machine import Machine
from pytest_cpuperf.results.remarks import Remark
from pytest_cpuperf.results.run import SCHEMA, RunResult, TestRecord
from pytest_cpuperf.results.upgrade import remarked, upgraded

_FAMILY = SCHEMA.rpartition("/")[0]
_VERSION = int(SCHEMA.rpartition("/")[2])


def results_document(run: RunResult, word: Callable[[Remark], str]) -> dict[str, Any]:
    """Return a run as a `cpuperf/results/1` document.

    `word` returns a remark in words: `reason` and `notes` are sentences there, for people, and the facts they are made
    from stand beside them as `reason_facts` and `notes_facts`.
    """
    written: dict[str, Any] = {
        "schema": SCHEMA,
        **to_json(run, lambda record: {"text": word(record)} if isinstance(record, Remark) else {}),
    }
    for part in remarked(written):
        reason, notes = part["reason"], part.get("notes")
        part |= {"reason": reason["text"] if reason else "", "reason_facts": reason}
        if notes is not None:
            part |= {"notes": [note["text"] for note in notes], "notes_facts": notes}
    if run.static is not None:
        written["static"] = findings_document(run.static, run.version)
    return written


def read_results(path: Path, what: str = "results file", repair: str | None = None) -> RunResult:
    """Return the run in a results file. `what` names the file in messages, and `repair` says how to make it again.

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
        raise UsageError(f"the {what} {path} is damaged: it is not JSON", repair) from None
    schema = document.get("schema") if isinstance(document, dict) else None
    family, _, version = str(schema).rpartition("/")
    if family != _FAMILY or not (version.isascii() and version.isdigit() and len(version) < 9):
        raise UsageError(f"{path} is not a {what}: expected schema {SCHEMA}, found {schema!r}", repair)
    if int(version) > _VERSION:
        raise UsageError(
            f"{path} is from a newer cpuperf ({schema}; this one reads {SCHEMA})", "upgrade pytest-cpuperf"
        )
    try:
        return from_json(RunResult, upgraded(document))
    except DecodeError as error:
        raise UsageError(f"the {what} {path} is damaged: {error}", repair) from None


def merged(runs: Sequence[RunResult]) -> tuple[RunResult, tuple[str, ...]]:
    """Return several runs as one, and the ids of tests that more than one of them has.

    Of a test that comes twice the first stays. Each test is told which machine it ran on; `machine` is that of the
    first run. Merging is associative: shards may be put together in steps. Raises ValueError for no runs.
    """
    if not runs:
        raise ValueError("expected at least one run, found none")
    machines: dict[str, Machine] = {}
    tests: dict[str, TestRecord] = {}
    twice: list[str] = []
    for run in runs:
        machines = {run.machine.fingerprint: run.machine, **run.machines, **machines}
        for test in run.tests:
            if test.id in tests:
                twice.append(test.id)
            else:
                tests[test.id] = dataclasses.replace(test, machine=test.machine or run.machine.fingerprint)
    whole = dataclasses.replace(
        runs[0],
        machines=machines,
        static=_merged_static([run.static for run in runs if run.static is not None]),
        against=next((run.against for run in runs if run.against is not None), None),
        tests=tuple(tests.values()),
        claims=_without_repeats(claim for run in runs for claim in run.claims),
    )
    return whole, tuple(dict.fromkeys(twice))


def _without_repeats(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """Return each claim once. They are compared as they are written: a figure that is no number equals itself."""
    return tuple({json.dumps(to_json(claim), sort_keys=True): claim for claim in claims}.values())


def _merged_static(parts: Sequence[CheckResult]) -> CheckResult | None:
    """Return findings of several shards, each once: shards of one project find the same."""
    if not parts:
        return None
    findings = {(f.path, f.fingerprint): f for part in reversed(parts) for f in part.findings}
    errors = {(e.path, e.line, e.message): e for part in reversed(parts) for e in part.errors}
    return CheckResult(
        files_checked=max(part.files_checked for part in parts),
        findings=tuple(sorted(findings.values(), key=lambda f: f.sort_key)),
        errors=tuple(sorted(errors.values(), key=lambda e: (*e.sort_key, e.message))),
    )
