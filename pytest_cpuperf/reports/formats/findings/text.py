"""Findings for people: each with its source line and what to do."""

from __future__ import annotations

from pytest_cpuperf.reports.findings import finding_text, tally
from pytest_cpuperf.reports.formats.base import FindingsFormat, View
from pytest_cpuperf.results.findings import CheckResult


class Text(FindingsFormat):
    """For a terminal."""

    name = "text"

    def render(self, result: CheckResult, view: View) -> str:
        """Return the whole result, with a tally at its end."""
        parts = [finding_text(f, view.style) for f in result.findings]
        if result.errors:
            parts.append("\n".join(f"{e.path}:{e.line or 1}: not checked: {e.message}" for e in result.errors))
        if view.show_silenced and result.silenced:
            parts.append("\n".join(f"{s.location}: {s.rule} silent: {s.because}" for s in result.silenced))
        parts.append(tally(result))
        return "\n\n".join(parts) + "\n"
