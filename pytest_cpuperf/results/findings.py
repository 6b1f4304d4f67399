"""Findings: places in source where a heuristic is broken, and the edits that mend them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pytest_cpuperf.results.codec import only_if_given, to_json

SCHEMA = "cpuperf/findings/1"


@dataclass(frozen=True, order=True)
class Edit:
    """A replacement of some text. Lines and columns count from 1; the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str


@dataclass(frozen=True)
class Fix:
    """How a finding can be mended."""

    safety: Literal["safe", "unsafe"]
    """`unsafe` where behaviour may change: shapes, errors raised, results that meet autograd later."""
    description: str
    edits: tuple[Edit, ...]


class _Placed:
    """Something a rule says of a place in a file."""

    path: str
    line: int
    column: int
    rule: str
    cell: int | None

    @property
    def location(self) -> str:
        """`path:line:column`, as editors understand it."""
        return place(self.path, self.cell, self.line, self.column)

    @property
    def sort_key(self) -> tuple[Any, ...]:
        """Findings and silences are told in this order."""
        return self.path, self.cell or 0, self.line, self.column, self.rule


@dataclass(frozen=True)
class Finding(_Placed):
    """A place in a source file where a heuristic is broken. Lines and columns count from 1."""

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    rule: str
    name: str
    heuristic: str | None
    message: str
    help: str
    fingerprint: str
    """Stays the same when lines above it move: a hash of rule, path, source text and occurrence."""
    fix: Fix | None = None
    cell: int | None = only_if_given()
    """The notebook cell, counted from 1 as the notebook shows them; lines then count within the cell."""
    source_line: str = ""
    """The text of the line the finding starts on, for people."""


@dataclass(frozen=True)
class Silenced(_Placed):
    """A place that has a rule's trigger and is not reported, with the reason."""

    path: str
    line: int
    column: int
    rule: str
    because: str
    cell: int | None = None


@dataclass(frozen=True)
class CheckError:
    """A file that could not be checked, or only in part."""

    path: str
    line: int | None
    message: str

    @property
    def sort_key(self) -> tuple[Any, ...]:
        """Errors are told in this order."""
        return self.path, self.line or 0


@dataclass(frozen=True)
class CheckResult:
    """What one run of the static checks found, sorted by place."""

    files_checked: int
    findings: tuple[Finding, ...] = ()
    silenced: tuple[Silenced, ...] = ()
    errors: tuple[CheckError, ...] = ()


def merged(results: list[CheckResult]) -> CheckResult:
    """Return several results as one, sorted by place."""
    return CheckResult(
        files_checked=sum(r.files_checked for r in results),
        findings=tuple(sorted((f for r in results for f in r.findings), key=lambda f: f.sort_key)),
        silenced=tuple(sorted((s for r in results for s in r.silenced), key=lambda s: s.sort_key)),
        errors=tuple(sorted((e for r in results for e in r.errors), key=lambda e: e.sort_key)),
    )


def findings_document(result: CheckResult, version: str, show_silenced: bool = False) -> dict[str, Any]:
    """Return the `cpuperf/findings/1` document as plain data. `version` is that of pytest-cpuperf."""
    written = to_json(result)
    silenced = {"silenced": written.pop("silenced")}
    return {"schema": SCHEMA, "version": version, **written, **(silenced if show_silenced else {})}


def place(path: str, cell: int | None, line: int, column: int) -> str:
    """Return `path:line:column`, with the cell for a notebook."""
    return f"{path}:{line}:{column}" if cell is None else f"{path}:cell {cell}:{line}:{column}"
