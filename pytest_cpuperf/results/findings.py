"""Findings: places in source where a heuristic is broken."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

SCHEMA = "cpuperf/findings/1"


@dataclass(frozen=True, order=True)
class Finding:
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
    source_line: str = ""
    """The text of the line the finding starts on, for people."""

    @property
    def location(self) -> str:
        """`path:line:column`, as editors understand it."""
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, order=True)
class Silenced:
    """A place that has a rule's trigger and is not reported, with the reason."""

    path: str
    line: int
    column: int
    rule: str
    because: str


@dataclass(frozen=True, order=True)
class CheckError:
    """A file that could not be checked, or only in part."""

    path: str
    line: int | None
    message: str


@dataclass(frozen=True)
class CheckResult:
    """What one run of the static checks found, sorted by place."""

    files_checked: int
    findings: tuple[Finding, ...] = ()
    silenced: tuple[Silenced, ...] = ()
    errors: tuple[CheckError, ...] = ()

    def plain(self, version: str, show_silenced: bool = False) -> dict[str, Any]:
        """Return the `cpuperf/findings/1` document as plain data."""
        document: dict[str, Any] = {
            "schema": SCHEMA,
            "version": version,
            "files_checked": self.files_checked,
            "findings": [plain_finding(f) for f in self.findings],
            "errors": [asdict(e) for e in self.errors],
        }
        if show_silenced:
            document["silenced"] = [asdict(s) for s in self.silenced]
        return document


def plain_finding(finding: Finding) -> dict[str, Any]:
    """Return a finding as `cpuperf/findings/1` writes it."""
    plain = asdict(finding)
    del plain["source_line"]
    plain["fix"] = None
    return plain
