"""A baseline: findings that are known and not reported, by fingerprint, so that a gate can be switched on today."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_cpuperf import __version__
from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.results.codec import from_json
from pytest_cpuperf.results.files import write_json
from pytest_cpuperf.results.findings import CheckResult, Finding

SCHEMA = "cpuperf/baseline/1"


@dataclass(frozen=True)
class Entry:
    """A known finding. Only the fingerprint counts; the rest is for people and for diffs."""

    fingerprint: str
    rule: str
    path: str
    message: str


_ENTRIES: Any = tuple[Entry, ...]


def read_baseline(path: Path) -> tuple[Entry, ...]:
    """Return a baseline's entries. Raises UsageError where the file is missing, damaged or from a newer version."""
    hint = "write it again with --write-baseline, or leave --baseline out"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        schema = document["schema"]
        if schema != SCHEMA:
            raise UsageError(f"{path}: expected a baseline of schema {SCHEMA}, found {schema!r}", hint)
        entries: tuple[Entry, ...] = from_json(_ENTRIES, document["findings"])
        return entries
    except FileNotFoundError:
        raise UsageError(f"{path}: expected a baseline, found none", "make one with --write-baseline") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UsageError(f"{path}: expected a baseline, found something damaged", hint) from None


def write_baseline(path: Path, findings: Iterable[Finding]) -> int:
    """Write the findings as the new baseline, and return their number."""
    entries = [{"fingerprint": f.fingerprint, "rule": f.rule, "path": f.path, "message": f.message} for f in findings]
    write_json(path, {"schema": SCHEMA, "version": __version__, "findings": entries})
    return len(entries)


def without_known(result: CheckResult, known: Iterable[Entry]) -> tuple[CheckResult, tuple[Entry, ...]]:
    """Return the result without the findings that are known, and the entries that match nothing any more."""
    known = tuple(known)
    fingerprints = {entry.fingerprint for entry in known}
    found = {f.fingerprint for f in result.findings}
    left = tuple(f for f in result.findings if f.fingerprint not in fingerprints)
    return replace(result, findings=left), tuple(e for e in known if e.fingerprint not in found)
