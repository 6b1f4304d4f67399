"""One file: screened by bytes, by live words, cut down, parsed and judged."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_cpuperf.results.findings import CheckError, CheckResult, Finding, Silenced
from pytest_cpuperf.static.collector import Collector, position_in
from pytest_cpuperf.static.rules.base import CommentRule, ConfigRule, Language, PythonRule, Report, Rule, Silence
from pytest_cpuperf.static.source.chunks import Chunk
from pytest_cpuperf.static.source.edits import lines_of
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.neighbours import NOWHERE, Neighbours
from pytest_cpuperf.static.source.prune import Pruned, prune
from pytest_cpuperf.static.source.spans import Span
from pytest_cpuperf.static.source.text import (
    SourceError,
    TooDeepError,
    Words,
    decode,
    decode_marked,
    first_line,
    refuse_nulls,
    refuse_surrogates,
)
from pytest_cpuperf.static.suppressions import Suppressions, from_comments, read_suppressions

if TYPE_CHECKING:
    from pytest_cpuperf.static.source.module import Module


def language_of(path: str) -> Language:
    """Return the language of a file, by its name; notebooks are Python."""
    if path.endswith(".properties"):
        return "properties"
    if path.endswith((".yaml", ".yml")):
        return "yaml"
    if path.endswith((".py", ".pyi", ".ipynb")):
        return "python"
    return language_by_name(path.rpartition("/")[2]) or "python"


def language_by_name(name: str) -> Language | None:
    """Return the language of a file that is told by its name, not its suffix; None for all others."""
    if re.fullmatch(r"(?i:.*\.dockerfile|(?:Dockerfile|Containerfile)(?:[.-].+)?)", name):
        return "dockerfile"
    return "procfile" if re.fullmatch(r"Procfile(?:[.-].+)?", name) else None


Outcomes = list[tuple[Rule, "Report | Silence"]]


def check_source(
    data: bytes, path: str, rules: Sequence[Rule], thorough: bool = False, neighbours: Neighbours = NOWHERE
) -> CheckResult:
    """Check one file's bytes by all of some rules that they may concern (`check_screened`)."""
    language = language_of(path)
    try:
        words = Words(data)
        concerned = [r for r in rules if language in r.languages and r.may_concern(words)]
        return check_screened(data, path, concerned, {r.code for r in rules}, thorough, neighbours)
    except Exception as error:
        return not_checked(path, error)


def not_checked(path: str, error: Exception) -> CheckResult:
    """Return the result for a file that ended in an exception: one line, so that all other files are checked."""
    line = error.line if isinstance(error, SourceError) else None
    return CheckResult(1, errors=(CheckError(path, line, _because(error)),))


def _because(error: Exception) -> str:
    if isinstance(error, SourceError):
        return str(error)
    if isinstance(error, RecursionError):
        return "nested too deeply to be checked"
    if isinstance(error, MemoryError):
        return "too large to be checked: memory ran out"
    place = ""
    if error.__traceback__ is not None:
        import traceback  # for faults of ours alone

        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f" ({Path(last.filename).name}:{last.lineno})"
    said = f"{type(error).__name__}: {first_line(error)}{place}"
    return f"cannot be checked, by a fault of cpuperf or of a rule; please report it: {said}"


def check_screened(
    data: bytes,
    path: str,
    concerned: Sequence[Rule],
    checked: set[str],
    thorough: bool = False,
    neighbours: Neighbours = NOWHERE,
) -> CheckResult:
    """Check one file's bytes by the rules that they may concern.

    `checked` are the codes of all rules of this run. What cannot be read or parsed is an error in the result; whoever
    calls makes one of any other exception (`not_checked`). `thorough` parses the whole file rather than what the rules
    will ask about: the findings are the same, and every place that is left alone is shown. `neighbours` are the files
    beside it, for the rules that read them.
    """
    if not concerned:
        return CheckResult(1)
    try:
        if language_of(path) != "python":
            return _check_config(data, path, [r for r in concerned if isinstance(r, ConfigRule)], neighbours)
        if path.endswith(".ipynb"):
            return _check_notebook(data, path, concerned, checked, thorough)
        return _check_text(decode(data), path, concerned, checked, thorough, neighbours)
    except SourceError as error:
        return not_checked(path, error)


def _check_text(
    text: str,
    path: str,
    concerned: Sequence[Rule],
    checked: set[str],
    thorough: bool,
    neighbours: Neighbours = NOWHERE,
) -> CheckResult:
    facts = Facts(text, neighbours)
    module, outcomes = _outcomes(facts, [r for r in concerned if isinstance(r, PythonRule)], thorough)
    comment_rules = [r for r in concerned if isinstance(r, CommentRule)]
    suppressions = read_suppressions(text) if outcomes or comment_rules else Suppressions()
    collector = Collector(path, text, suppressions)
    for rule, outcome in outcomes:
        assert module is not None
        collector.add(rule, outcome, position_in(module))
    for comment_rule in comment_rules:
        for report in comment_rule.check(suppressions, collector.used, checked):
            collector.add(comment_rule, report, position_in(None))
    return collector.result()


def _outcomes(facts: Facts, rules: list[PythonRule], thorough: bool) -> tuple[Module | None, Outcomes]:
    """Return what the rules say of a file, and the module they said it of; None where nothing had to be parsed."""
    text = facts.text
    pruned: Pruned | None = None
    if not thorough:
        uses = {r.code: _uses(r, facts) for r in rules}
        rules = [r for r in rules if uses[r.code] and r.may_report(facts)]
        if not _is_odd(text):
            pruned = _cut_down(facts, rules, uses)
            if pruned is None:
                return None, []
    if not rules:
        return None, []
    from pytest_cpuperf.static.source.module import Module  # libcst: most files stop before it

    try:
        module = Module(text, facts) if pruned is None else Module(pruned.text, facts, pruned.lines)
    except SourceError as error:
        if pruned is None or isinstance(error, TooDeepError):
            raise
        module = Module(text, facts)  # the cut went wrong, or the file is broken: the whole of it tells
    outcomes: Outcomes = [(rule, outcome) for rule in rules for outcome in rule.check(module)]
    if thorough:
        return module, [*outcomes, *_unjudged(rules, facts, module, outcomes)]
    # A silence's place is worth finding only where it is told.
    return module, [o for o in outcomes if isinstance(o[1], Report)]


def _unjudged(rules: list[PythonRule], facts: Facts, module: Module, outcomes: Outcomes) -> Outcomes:
    """Return a silence for each place that has a rule's trigger and of which its check says nothing."""
    silences: Outcomes = []
    for rule in rules:
        if rule.otherwise is None:
            continue
        judged: set[int] = set()
        for _, outcome in (o for o in outcomes if o[0] is rule):
            place = outcome.node if isinstance(outcome.node, Span) else module.position(outcome.node)
            judged.update(range(place.line, place.end_line + 1))
        for line in sorted({facts.line_of(offset) + 1 for offset in _uses(rule, facts)} - judged):
            silences.append((rule, Silence(Span(line, 1, line, 1), rule.otherwise)))
    return silences


def _is_odd(text: str) -> bool:
    """Return whether a text has lines that an outline would count differently."""
    return "\f" in text or ("\r" in text and "\r" in text.replace("\r\n", ""))


def _cut_down(facts: Facts, rules: list[PythonRule], uses: dict[str, list[int]]) -> Pruned | None:
    """Return the text with only what the rules will ask about, or None where no rule can report anything.

    Raises SourceError where the text is broken, as far as that would be seen in what the triggers stand in.
    """
    if not any(uses.values()):
        return None  # most files end here, without an outline
    kept: set[Chunk] = set()
    top_level = facts.outline.top_level
    top_level_lines: set[int] = set()
    for rule in rules:
        holders = facts.outline.holding({facts.line_of(offset) for offset in uses[rule.code]})
        possible = {chunk for chunk in set(holders.values()) if not rule.cannot_report(chunk, facts)}
        if top_level in possible:
            possible.remove(top_level)
            kept.add(top_level)
            top_level_lines |= {line for line, chunk in holders.items() if chunk is top_level}
        kept |= rule.needed(possible, facts) if possible else set()
    if top_level not in kept:
        _refuse_if_broken(facts, uses)
    if not kept:
        return None
    # What code outside functions means may depend on any function of the file.
    return prune(facts.text, facts.outline, None if top_level in kept else kept, top_level_lines)


def _refuse_if_broken(facts: Facts, uses: dict[str, list[int]]) -> None:
    """Raise SourceError for a broken file with a trigger in no function, though no rule could report that trigger."""
    lines = {facts.line_of(offset) for offsets in uses.values() for offset in offsets}
    if facts.outline.top_level in facts.outline.holding(lines).values():
        from pytest_cpuperf.static.source.parse import refuse_broken

        refuse_broken(facts.text)


def _uses(rule: PythonRule, facts: Facts) -> list[int]:
    """Return where a rule's trigger is used: in code, imports left out, names it was imported as put in."""
    found = rule.uses(facts)
    for alias in facts.imported.aliases(rule.names) if facts.may_rename(rule.names) else ():
        found += [m.start() for m in re.finditer(rf"\b{alias}\b", facts.code)]
    return [offset for offset in found if not facts.is_import(offset)]


def _check_notebook(
    data: bytes, path: str, concerned: Sequence[Rule], checked: set[str], thorough: bool
) -> CheckResult:
    from pytest_cpuperf.static.source.notebook import read_notebook

    notebook = read_notebook(data)
    try:
        refuse_nulls(notebook.text)
        refuse_surrogates(notebook.text)
        result = _check_text(notebook.text, path, concerned, checked, thorough)
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
        fields["column"] = finding.column + notebook.indents.get(finding.line, 0)
        fields["end_column"] = finding.end_column + notebook.indents.get(finding.end_line, 0)
        findings.append(Finding(**{**vars(finding), **fields}))
    for place in result.silenced:
        cell, line = notebook.locate(place.line)
        column = place.column + notebook.indents.get(place.line, 0)
        silenced.append(Silenced(**{**vars(place), "cell": cell, "line": line, "column": column}))
    return CheckResult(1, tuple(findings), tuple(silenced))


def _check_config(data: bytes, path: str, rules: Sequence[ConfigRule], neighbours: Neighbours) -> CheckResult:
    language = language_of(path)
    if language == "properties":
        text, outcomes = _of_properties(data, rules)
    elif language == "yaml":
        text, outcomes = _of_yaml(data, rules, neighbours)
    else:
        text, outcomes = _of_launches(data, language, rules, neighbours)
    collector = Collector(path, text, _line_suppressions(text))
    for rule, outcome in outcomes:
        collector.add(rule, outcome, position_in(None))
    return collector.result()


def _of_properties(data: bytes, rules: Sequence[ConfigRule]) -> tuple[str, Outcomes]:
    from pytest_cpuperf.static.configs.properties import Properties

    # Latin-1 is Java's own encoding of properties; it decodes any bytes.
    text = data.decode("latin-1")
    properties = Properties(text)
    if not properties.is_torchserve:
        return text, []
    return text, [(rule, outcome) for rule in rules for outcome in rule.check_properties(properties)]


def _of_yaml(data: bytes, rules: Sequence[ConfigRule], neighbours: Neighbours) -> tuple[str, Outcomes]:
    from pytest_cpuperf.static.configs import compose
    from pytest_cpuperf.static.configs.launches import LaunchFile
    from pytest_cpuperf.static.configs.yaml import YamlConfig

    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"not valid UTF-8: byte {error.start} cannot be decoded") from None
    config = YamlConfig(text)
    if config.is_torchserve:
        return text, [(rule, outcome) for rule in rules for outcome in rule.check_yaml(config)]
    if not compose.may_start_servers(text):
        return text, []
    file = LaunchFile(text, tuple(compose.launches(text)), neighbours)
    return text, [(rule, outcome) for rule in rules for outcome in rule.check_launches(file)]


def _of_launches(
    data: bytes, language: Language, rules: Sequence[ConfigRule], neighbours: Neighbours
) -> tuple[str, Outcomes]:
    from pytest_cpuperf.static.configs import dockerfile, procfile
    from pytest_cpuperf.static.configs.launches import LaunchFile

    text = decode_marked(data)
    launches = dockerfile.launches(text) if language == "dockerfile" else procfile.launches(text)
    file = LaunchFile(text, tuple(launches), neighbours)
    return text, [(rule, outcome) for rule in rules for outcome in rule.check_launches(file)]


def _line_suppressions(text: str) -> Suppressions:
    """Return the suppressions of a file whose comments are lines that begin with `#`."""
    lines = lines_of(text)
    return from_comments((n, 1, line, 0) for n, line in enumerate(lines, start=1) if "#" in line)
