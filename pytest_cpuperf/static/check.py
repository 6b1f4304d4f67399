"""The static check, from paths to findings: discovered, screened by bytes, parsed, judged, suppressed, sorted."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import pathspec

from pytest_cpuperf.config import Config
from pytest_cpuperf.errors import UsageError, nearest
from pytest_cpuperf.results.findings import CheckError, CheckResult, Finding, Silenced
from pytest_cpuperf.static.discover import discover, relative
from pytest_cpuperf.static.rules import all_rules
from pytest_cpuperf.static.rules.base import Rule, Silence
from pytest_cpuperf.static.source import SourceError, decode, read_bytes
from pytest_cpuperf.static.suppressions import SCREEN, Suppressions, read_suppressions


def check_project(config: Config) -> CheckResult:
    """Check the paths the configuration names, relative to its root."""
    return check_paths([config.root / p for p in config.paths], config)


def check_paths(paths: Iterable[Path], config: Config, force_exclude: bool = False) -> CheckResult:
    """Check files and folders. Raises UsageError for paths and codes that do not exist.

    `force_exclude` leaves excluded files out even where they are named outright, as pre-commit does.
    """
    rules = selected_rules(config)
    files = discover(paths, config.root, config.exclude, force_exclude)
    parts = [_check_file(file, rules, config) for file in files]
    return CheckResult(
        files_checked=len(files),
        findings=tuple(sorted(f for part in parts for f in part.findings)),
        silenced=tuple(sorted(s for part in parts for s in part.silenced)),
        errors=tuple(sorted((e for part in parts for e in part.errors), key=lambda e: (e.path, e.line or 0))),
    )


def check_source(data: bytes, path: str, rules: Sequence[Rule]) -> CheckResult:
    """Check one file's bytes. What cannot be checked is an error in the result, never an exception."""
    rules = [rule for rule in rules if rule.trigger.search(data)]
    if not rules:
        return CheckResult(files_checked=1)
    from pytest_cpuperf.static.module import Module  # libcst: most files stop before it

    try:
        text = decode(data)
        module = Module(text)
    except SourceError as error:
        return CheckResult(1, errors=(CheckError(path, error.line, str(error)),))
    findings: list[Finding] = []
    silenced: list[Silenced] = []
    suppressions = read_suppressions(text) if SCREEN.search(data) else Suppressions()
    lines = text.splitlines()
    seen: Counter[tuple[str, str]] = Counter()
    for rule in rules:
        for outcome in rule.check(module):
            place = module.position(outcome.node)
            line, column = place.start.line, place.start.column + 1
            if isinstance(outcome, Silence):
                silenced.append(Silenced(path, line, column, rule.code, outcome.because))
                continue
            if suppressions.silences(rule.code, {line, place.end.line, module.statement_line(outcome.node)}):
                silenced.append(Silenced(path, line, column, rule.code, "suppressed by a comment"))
                continue
            source_line = lines[line - 1] if line <= len(lines) else ""
            key = (rule.code, source_line.strip())
            seen[key] += 1
            findings.append(
                Finding(
                    path=path,
                    line=line,
                    column=column,
                    end_line=place.end.line,
                    end_column=place.end.column + 1,
                    rule=rule.code,
                    name=rule.name,
                    heuristic=rule.heuristic,
                    message=outcome.message,
                    help=outcome.help,
                    fingerprint=_fingerprint(path, *key, seen[key]),
                    source_line=source_line,
                )
            )
    return CheckResult(1, tuple(findings), tuple(silenced))


def selected_rules(config: Config) -> list[Rule]:
    """Return the rules a configuration selects; raises UsageError for a code that stands for no rule."""
    rules = all_rules()
    codes = [r.code for r in rules]
    for code in (*config.select, *config.extend_select, *config.ignore):
        if code != "ALL" and not any(c.startswith(code) for c in codes):
            raise UsageError(f"no rule has the code {code!r}{nearest(code, codes)}", "cpuperf explain lists the rules")

    def chosen(rule: Rule, patterns: Iterable[str]) -> bool:
        return any(p == "ALL" or rule.code.startswith(p) for p in patterns)

    return [
        r
        for r in rules
        if (chosen(r, config.select) if config.select else r.on_by_default) or chosen(r, config.extend_select)
        if not chosen(r, config.ignore)
    ]


def _check_file(file: Path, rules: list[Rule], config: Config) -> CheckResult:
    path = relative(file, config.root)
    ignored = [
        code
        for pattern, codes in config.per_file_ignores.items()
        if pathspec.PathSpec.from_lines("gitignore", [pattern]).match_file(path)
        for code in codes
    ]
    kept = [r for r in rules if not any(code == "ALL" or r.code.startswith(code) for code in ignored)]
    try:
        return check_source(read_bytes(file), path, kept)
    except SourceError as error:
        return CheckResult(1, errors=(CheckError(path, error.line, str(error)),))


def _fingerprint(path: str, code: str, source: str, occurrence: int) -> str:
    return hashlib.sha256(f"{path}\0{code}\0{source}\0{occurrence}".encode()).hexdigest()[:16]
