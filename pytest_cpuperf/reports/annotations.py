"""GitHub's workflow commands: annotations at a place in a file."""

from __future__ import annotations

from pytest_cpuperf.reports.findings import advice
from pytest_cpuperf.reports.measurement import budget_text, figure_text
from pytest_cpuperf.reports.sentences import sentence
from pytest_cpuperf.results.measurements import Measurement
from pytest_cpuperf.results.run import RunResult, TestRecord
from pytest_cpuperf.results.verdicts import Verdict

MOST_ANNOTATIONS = 10
"""GitHub shows at most 10 warnings and 10 errors of a step."""


def run_annotations(run: RunResult) -> str:
    """Return GitHub workflow commands for a run of pytest: lost budgets at their tests, static findings at their lines.

    Within what GitHub shows of a step; the rest is counted.
    """
    lost = [
        annotation("error", t.id.split("::")[0], t.line or 1, 1, "cpuperf budget", _lost(t, m))
        for t in run.tests
        for m in t.measurements
        if m.verdict is Verdict.FAIL
    ]
    found = [
        annotation("warning", f.path, f.line, f.column, f"{f.rule} {f.name}", advice(f))
        for f in (run.static.findings if run.static else ())
    ]
    lines = [*lost[:MOST_ANNOTATIONS], *found[:MOST_ANNOTATIONS]]
    cut = len(lost) + len(found) - len(lines)
    return "".join(f"{line}\n" for line in (*lines, *cut_notice(cut)))


def annotation(level: str, path: str, line: int, column: int, title: str, message: str) -> str:
    """Return one workflow command. `level` is `error` or `warning`; line and column count from 1."""
    place = f"file={_property(path)},line={line},col={column},title={_property(title)}"
    return f"::{level} {place}::{_data(message)}"


def cut_notice(count: int) -> list[str]:
    """Return the line that counts what is not shown; none where all is."""
    if not count:
        return []
    return [f"::notice title=cpuperf::{count} more are not shown here: GitHub shows 10 of a kind for a step"]


def _lost(test: TestRecord, record: Measurement) -> str:
    figure = f"{figure_text(record)}{budget_text(record)}"
    why = f"; {sentence(record.reason)}" if record.reason else ""
    return f"{test.id.rpartition('::')[2]}: {record.label}: {figure}{why}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
