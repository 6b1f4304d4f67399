"""GitHub workflow commands, which GitHub shows as annotations."""

from __future__ import annotations

from pytest_cpuperf.reports.annotations import MOST_ANNOTATIONS, annotation, cut_notice
from pytest_cpuperf.reports.findings import advice
from pytest_cpuperf.reports.formats.base import FindingsFormat, View
from pytest_cpuperf.results.findings import CheckResult

# Worst first: what was measured to cost most.
_WEIGHT = {"constant-padding": 0, "bucketing": 1, "ort-threads": 2, "core-pinning": 3, "int8": 4, "inference-mode": 5}


class GitHub(FindingsFormat):
    """For a job's log on GitHub."""

    name = "github"

    def render(self, result: CheckResult, view: View) -> str:
        """Return workflow commands, worst first, within what GitHub shows; the rest is counted."""
        ordered = sorted(result.findings, key=lambda f: (_WEIGHT.get(f.heuristic or "", 9), f.sort_key))
        lines = [
            annotation("warning", f.path, f.line, f.column, f"{f.rule} {f.name}", advice(f))
            for f in ordered[:MOST_ANNOTATIONS]
        ]
        lines += [
            annotation("error", e.path, e.line or 1, 1, "cpuperf", f"not checked: {e.message}")
            for e in result.errors[: MOST_ANNOTATIONS - 1]
        ]
        cut = max(0, len(ordered) - MOST_ANNOTATIONS) + max(0, len(result.errors) - MOST_ANNOTATIONS + 1)
        return "".join(f"{line}\n" for line in (*lines, *cut_notice(cut)))
