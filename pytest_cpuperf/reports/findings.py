"""Static findings in words: one finding, the closing tally, and counts by rule."""

from __future__ import annotations

import unicodedata
from collections import Counter

from pytest_cpuperf.reports.formats.base import Style, unstyled
from pytest_cpuperf.results.findings import CheckResult, Finding


def finding_text(finding: Finding, style: Style = unstyled) -> str:
    """Return a finding with its source line, a caret under the place, and what to do.

    service.py:41:14: CPU201 constant-padding  text is padded to 512 tokens
       |
    41 |     batch = tok(texts, padding="max_length")
       |                        ^^^^^^^^^^^^^^^^^^^^
       = help: …
    """
    head = f"{style(finding.location, 'bold')}: {style(finding.rule, 'bold red')} {finding.name}  {finding.message}"
    lines = [head]
    gutter = " " * (len(str(finding.line)) + 1)
    if finding.source_line:
        lead, marked = _caret(finding)
        lines += [
            f"{gutter}|",
            f"{finding.line} | {finding.source_line}".rstrip(),
            f"{gutter}| {lead}{style(marked, 'red')}",
        ]
    lines.append(f"{gutter}= {style('help', 'cyan')}: {finding.help}")
    return "\n".join(lines)


def _caret(finding: Finding) -> tuple[str, str]:
    """Return the white space and the carets that mark the finding under its source line."""
    start = finding.column - 1
    end = finding.end_column - 1 if finding.end_line == finding.line else len(finding.source_line)
    before, inside = finding.source_line[:start], finding.source_line[start:end].rstrip()
    # A tab stays a tab and a wide character takes two columns, so that the carets stand where the text does.
    lead = "".join("\t" if c == "\t" else " " * _columns(c) for c in before)
    return lead, "^" * max(1, sum(_columns(c) for c in inside))


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def advice(finding: Finding) -> str:
    """Return what is wrong and what to do, in a line."""
    return f"{finding.message}; {finding.help}"


def tally(result: CheckResult) -> str:
    """Return the closing line: `3 findings in 2 of 148 files`."""
    files = f"{result.files_checked} {'file' if result.files_checked == 1 else 'files'}"
    errors = f"; {len(result.errors)} could not be checked" if result.errors else ""
    if not result.findings:
        return f"no findings in {files}{errors}"
    count = len(result.findings)
    places = len({f.path for f in result.findings})
    return f"{count} {'finding' if count == 1 else 'findings'} in {places} of {files}{_fixable(result)}{errors}"


def _fixable(result: CheckResult) -> str:
    safe = sum(1 for f in result.findings if f.fix is not None and f.fix.safety == "safe")
    unsafe = sum(1 for f in result.findings if f.fix is not None and f.fix.safety == "unsafe")
    said = []
    if safe:
        said.append(f"{safe} safe {'fix' if safe == 1 else 'fixes'}: --fix")
    if unsafe:
        said.append(f"{unsafe} more: --unsafe-fixes" if safe else f"{unsafe} can be fixed: --unsafe-fixes")
    return f" ({'; '.join(said)})" if said else ""


def render_statistics(result: CheckResult) -> str:
    """Return how many findings each rule has, the most first."""
    counts = Counter((f.rule, f.name) for f in result.findings)
    return "".join(f"{count:>6}  {rule}  {name}\n" for (rule, name), count in counts.most_common())
