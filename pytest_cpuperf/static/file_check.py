"""One file: screened by bytes, by live words, cut down, parsed, judged, and its comments heard."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pytest_cpuperf.results.findings import CheckError, CheckResult, Edit, Finding, Fix, Silenced, merged
from pytest_cpuperf.static.rules.base import Mend, PropertiesRule, PythonRule, Report, Rule, Silence, YamlRule
from pytest_cpuperf.static.source.edits import LINE_END
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.live import live_aliases
from pytest_cpuperf.static.source.prune import Chunk, Pruned, prune
from pytest_cpuperf.static.source.spans import Span
from pytest_cpuperf.static.source.text import SourceError, decode
from pytest_cpuperf.static.suppressions import SCREEN, Suppressions, read_suppressions, unused

if TYPE_CHECKING:
    import libcst as cst

    from pytest_cpuperf.static.source.module import Module


def language_of(path: str) -> str:
    """Return which rules a file is for, by its suffix; notebooks are Python."""
    if path.endswith(".properties"):
        return "properties"
    return "yaml" if path.endswith((".yaml", ".yml")) else "python"


Outcomes = list[tuple[Rule, "Report | Silence"]]


def check_source(data: bytes, path: str, rules: Sequence[Rule], thorough: bool = False) -> CheckResult:
    """Check one file's bytes. What cannot be checked is an error in the result, never an exception.

    `thorough` parses the whole file rather than what the rules will ask about: the findings are the same, and every
    place that is left alone is told.
    """
    try:
        if path.endswith(".ipynb"):
            return _check_notebook(data, path, rules, thorough)
        if language_of(path) == "properties":
            return _check_properties(data, path, [r for r in rules if isinstance(r, PropertiesRule)])
        if language_of(path) == "yaml":
            return _check_yaml(data, path, [r for r in rules if isinstance(r, YamlRule)])
        return _check_python(data, path, rules, thorough)
    except SourceError as error:
        return CheckResult(1, errors=(CheckError(path, error.line, str(error)),))


def _check_python(data: bytes, path: str, rules: Sequence[Rule], thorough: bool) -> CheckResult:
    triggered = [r for r in rules if isinstance(r, PythonRule) and r.may_concern(data)]
    speaks = _speaks_of_us(data)
    if not triggered and not speaks:
        return CheckResult(1)
    return _check_text(decode(data), path, rules, triggered, thorough, speaks)


def _speaks_of_us(data: bytes) -> bool:
    """Return whether a comment may name one of our rules: then CPU001 asks whether it silences anything."""
    return (b"CPU" in data or b"cpuperf" in data) and SCREEN.search(data) is not None


def _check_text(
    text: str, path: str, rules: Sequence[Rule], triggered: list[PythonRule], thorough: bool, speaks: bool
) -> CheckResult:
    module, outcomes = _outcomes(text, triggered, thorough)
    suppressions = read_suppressions(text) if outcomes or speaks else Suppressions()
    collect = _Collector(path, text, suppressions)
    for rule, outcome in outcomes:
        assert module is not None
        collect.add(rule, outcome, _position_in(module))
    for rule in rules:
        if rule.code == "CPU001":
            for outcome in unused(suppressions, collect.used, {r.code for r in rules}):
                collect.add(rule, outcome, _position_in(None))
    return collect.result()


def _outcomes(text: str, rules: list[PythonRule], thorough: bool) -> tuple[Module | None, Outcomes]:
    """Return what the rules say of a text, and the module they said it of; None where nothing had to be parsed."""
    facts = Facts(text)
    pruned: Pruned | None = None
    if not thorough:
        uses = {r.code: _uses(r, facts) for r in rules}
        rules = [r for r in rules if uses[r.code]]
        if not _is_odd(text):
            pruned = _cut_down(facts, rules, uses)
            if pruned is None:
                return None, []
    if not rules:
        return None, []
    from pytest_cpuperf.static.source.module import Module  # libcst: most files stop before it

    try:
        module = Module(text, facts) if pruned is None else Module(pruned.text, facts, pruned.lines)
    except SourceError:
        if pruned is None:
            raise
        module = Module(text, facts)  # the cut went wrong, or the file is broken: the whole of it tells
    outcomes = [(rule, outcome) for rule in rules for outcome in rule.check(module)]
    # A silence's place is worth finding only where it is told.
    return module, [o for o in outcomes if thorough or isinstance(o[1], Report)]


def _is_odd(text: str) -> bool:
    """Return whether a text has lines that an outline would count differently."""
    return "\f" in text or ("\r" in text and "\r" in text.replace("\r\n", ""))


def _cut_down(facts: Facts, rules: list[PythonRule], uses: dict[str, list[int]]) -> Pruned | None:
    """Return the text with only what the rules will ask about, or None where no rule can report anything."""
    kept: set[Chunk] = set()
    needed = False
    class_lines: set[int] = set()
    for rule in rules:
        lines = {facts.text.count("\n", 0, offset) for offset in uses[rule.code]}
        holders = facts.outline.holding(lines)
        possible = {c for c in holders.values() if c is None or not rule.cannot_report(c, facts)}
        if not possible:
            continue
        needed = True
        class_lines |= {line for line, chunk in holders.items() if chunk is None}
        kept |= rule.needed({c for c in possible if c is not None}, facts)
    return prune(facts.text, facts.outline, kept, class_lines) if needed else None


def _uses(rule: PythonRule, facts: Facts) -> list[int]:
    """Return where a rule's trigger is used: in code, imports left out, names it was imported as put in."""
    found = rule.uses(facts)
    if any(f"{word.decode()} as " in facts.code for word in rule.trigger):
        for alias in live_aliases(rule.live, facts.code):
            found += [m.start() for m in re.finditer(rf"\b{alias}\b", facts.code)]
    return [offset for offset in found if not facts.is_import(offset)]


def _check_notebook(data: bytes, path: str, rules: Sequence[Rule], thorough: bool) -> CheckResult:
    triggered = [r for r in rules if isinstance(r, PythonRule) and r.may_concern(data)]
    speaks = _speaks_of_us(data)
    if not triggered and not speaks:
        return CheckResult(1)
    from pytest_cpuperf.static.source.notebook import read_notebook

    notebook = read_notebook(data)
    try:
        result = _check_text(notebook.text, path, rules, triggered, thorough, speaks)
    except SourceError as error:
        if error.line is None:
            raise
        cell, line = notebook.locate(error.line)
        raise SourceError(f"cell {cell}, line {line}: {error}") from None
    findings, silenced = [], []
    for finding in result.findings:
        cell, line = notebook.locate(finding.line)
        # Fixes speak of the text between the cells, which no file holds.
        fields = {"cell": cell, "line": line, "end_line": finding.end_line - finding.line + line, "fix": None}
        findings.append(Finding(**{**vars(finding), **fields}))
    for place in result.silenced:
        cell, line = notebook.locate(place.line)
        silenced.append(Silenced(**{**vars(place), "cell": cell, "line": line}))
    return CheckResult(1, tuple(findings), tuple(silenced))


def _check_properties(data: bytes, path: str, rules: list[PropertiesRule]) -> CheckResult:
    rules = [r for r in rules if r.may_concern(data)]
    if not rules:
        return CheckResult(1)
    from pytest_cpuperf.static.configs.properties import Properties

    # Latin-1 is Java's own encoding of properties; it decodes any bytes.
    text = data.decode("latin-1")
    config = Properties(text)
    outcomes = [(rule, outcome) for rule in rules if config.is_torchserve for outcome in rule.check(config)]
    return _of_config(path, text, outcomes)


def _check_yaml(data: bytes, path: str, rules: list[YamlRule]) -> CheckResult:
    rules = [r for r in rules if r.may_concern(data)]
    if not rules:
        return CheckResult(1)
    from pytest_cpuperf.static.configs.yaml import YamlConfig

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"not valid UTF-8: byte {error.start} cannot be decoded") from None
    config = YamlConfig(text)
    outcomes = [(rule, outcome) for rule in rules if config.is_torchserve for outcome in rule.check(config)]
    return _of_config(path, text, outcomes)


def _of_config(path: str, text: str, outcomes: Sequence[tuple[Rule, Report | Silence]]) -> CheckResult:
    collect = _Collector(path, text, _line_suppressions(text))
    for rule, outcome in outcomes:
        collect.add(rule, outcome, _position_in(None))
    return collect.result()


def _line_suppressions(text: str) -> Suppressions:
    """Return the suppressions of a file whose comments are lines that begin with `#`."""
    from pytest_cpuperf.static.suppressions import from_comments

    lines = LINE_END.split(text)
    return from_comments((n, 1, line, 0) for n, line in enumerate(lines, start=1) if "#" in line)


Position = Callable[["cst.CSTNode | Span"], Span]


def _position_in(module: Module | None) -> tuple[Position, Callable[[cst.CSTNode | Span], int]]:
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


class _Collector:
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
        find: tuple[Position, Callable[[cst.CSTNode | Span], int]],
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
        if used and rule.code != "CPU001":
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
            self._lines = LINE_END.split(self._text)
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
    return hashlib.sha256(f"{path}\0{code}\0{source}\0{occurrence}".encode()).hexdigest()[:16]
