"""A run as a Markdown table, for GitHub's step summary."""

from __future__ import annotations

import re

from pytest_cpuperf.reports.formats.base import RunFormat
from pytest_cpuperf.reports.measurement import budget_text, figure_text
from pytest_cpuperf.reports.sentences import sentence
from pytest_cpuperf.reports.styles import STYLES
from pytest_cpuperf.reports.summary import verdict_sentence
from pytest_cpuperf.results.figures import format_cpus
from pytest_cpuperf.results.measurements import Measurement
from pytest_cpuperf.results.run import RunResult, TestRecord
from pytest_cpuperf.results.verdicts import Verdict

# GitHub refuses a step summary above 1 MiB.
_MOST_ROWS = 1000


class Markdown(RunFormat):
    """A sentence, a table and a list."""

    suffix = ".md"
    summary = "table"

    def render(self, run: RunResult, title: str) -> str:
        """Return the run in a sentence, its measurements as a table, and its static findings as a list."""
        lines = [f"### cpuperf: {_cell(verdict_sentence(run))}", ""]
        rows = [(m, t) for t in run.tests for m in t.measurements]
        rows.sort(key=lambda row: min(STYLES[row[0].verdict].rank, STYLES[Verdict.NO_BUDGET].rank))
        if rows:
            lines += ["| verdict | test | measured | CPUs |", "|---|---|---|---|"]
            lines += [_row(measurement, test) for measurement, test in rows[:_MOST_ROWS]]
            if len(rows) > _MOST_ROWS:
                lines.append(f"\n{len(rows) - _MOST_ROWS} more are not shown here.")
            lines.append("")
        for f in run.static.findings[:_MOST_ROWS] if run.static else ():
            lines.append(f"- `{_code(f'{f.path}:{f.line}')}` {_cell(f'{f.rule} {f.name}')}: {_cell(f.message)}")
        return "\n".join(lines).rstrip() + "\n"


def _row(record: Measurement, test: TestRecord) -> str:
    why = ""
    if record.reason and record.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        why = f"<br>{_cell(sentence(record.reason))}"
    measured = f"{_cell(record.label)}: {_cell(figure_text(record) + budget_text(record))}{why}"
    cpus = format_cpus(test.placement.cpus if test.placement else ())
    return f"| {STYLES[record.verdict].markdown} | `{_code(test.id)}` | {measured} | {cpus} |"


def _cell(text: str) -> str:
    """Return text that Markdown shows as it is, on one line of a table."""
    escaped = re.sub(r"([\\`*_{}\[\]()#+!|<>~&])", r"\\\1", text)
    return re.sub(r"\s+", " ", escaped)


def _code(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("`", "'").replace("|", "\\|")
