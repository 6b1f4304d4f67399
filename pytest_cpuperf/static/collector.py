"""What rules say of one file, turned into findings and silences, with its comments heard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from pytest_cpuperf.results.findings import CheckResult, Edit, Finding, Fix, Silenced, merged
from pytest_cpuperf.static.rules.base import CommentRule, Mend, Report, Rule, Silence
from pytest_cpuperf.static.source.edits import lines_of
from pytest_cpuperf.static.source.spans import Span
from pytest_cpuperf.static.suppressions import Suppressions

if TYPE_CHECKING:
    from pytest_cpuperf.static.source import nodes as cst
    from pytest_cpuperf.static.source.module import Module

Position = Callable[["cst.CSTNode | Span"], Span]
"""Finds a node's place."""
Statement = Callable[["cst.CSTNode | Span"], int]
"""Finds the first line of the statement around a node."""


def position_in(module: Module | None) -> tuple[Position, Statement]:
    """Return how to find a node's place and the first line of the statement around it."""

    def position(node: cst.CSTNode | Span) -> Span:
        if isinstance(node, Span):
            return node
        assert module is not None
        return Span(*module.position(node))

    def statement(node: cst.CSTNode | Span) -> int:
        if isinstance(node, Span):
            return node.line
        assert module is not None
        return module.statement_line(node)

    return position, statement


class Collector:
    """Turns what rules say of one file into findings and silences, hearing its comments."""

    def __init__(self, path: str, text: str, suppressions: Suppressions) -> None:
        self.path = path
        self.suppressions = suppressions
        self.used: set[tuple[int, str]] = set()
        self._text = text
        self._lines: list[str] | None = None
        self._seen: Counter[tuple[str, str]] = Counter()
        self._findings: list[Finding] = []
        self._silenced: list[Silenced] = []

    def add(
        self,
        rule: Rule,
        outcome: Report | Silence,
        find: tuple[Position, Statement],
    ) -> None:
        """Keep an outcome as a finding or a silence."""
        position, statement = find
        place = position(outcome.node)
        if isinstance(outcome, Silence):
            self._silenced.append(Silenced(self.path, place.line, place.column, rule.code, outcome.because))
            return
        used = set()
        if self.suppressions.all:
            lines = {place.line, place.end_line, statement(outcome.node)}
            used = self.suppressions.silencing(rule.code, lines)
        if used and not isinstance(rule, CommentRule):
            self.used |= used
            because = "suppressed by a comment"
            self._silenced.append(Silenced(self.path, place.line, place.column, rule.code, because))
            return
        source_line = self._line(place.line)
        key = (rule.code, source_line.strip())
        self._seen[key] += 1
        self._findings.append(
            Finding(
                path=self.path,
                line=place.line,
                column=place.column,
                end_line=place.end_line,
                end_column=place.end_column,
                rule=rule.code,
                name=rule.name,
                heuristic=rule.heuristic,
                message=outcome.message,
                help=outcome.help,
                fingerprint=_fingerprint(self.path, *key, self._seen[key]),
                fix=_fix(outcome.fix, position),
                source_line=source_line,
            )
        )

    def _line(self, number: int) -> str:
        if self._lines is None:
            self._lines = lines_of(self._text)
        return self._lines[number - 1] if number <= len(self._lines) else ""

    def result(self) -> CheckResult:
        """Return what was kept."""
        return merged([CheckResult(1, tuple(self._findings), tuple(self._silenced))])


def _fix(mend: Mend | None, position: Position) -> Fix | None:
    if mend is None:
        return None
    edits = tuple(Edit(*position(node), text) for node, text in mend.edits)
    return Fix(mend.safety, mend.description, edits)


def _fingerprint(path: str, code: str, source: str, occurrence: int) -> str:
    import hashlib  # most files have no finding

    return hashlib.sha256(f"{path}\0{code}\0{source}\0{occurrence}".encode()).hexdigest()[:16]
