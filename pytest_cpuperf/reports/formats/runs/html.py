"""The HTML report: one file that needs no network."""

from __future__ import annotations

from pytest_cpuperf.reports.formats.base import RunFormat
from pytest_cpuperf.results.run import RunResult


class Html(RunFormat):
    """One page."""

    suffix = ".html"
    summary = "report"

    def render(self, run: RunResult, title: str) -> str:
        """Return the page."""
        # Deferred: the other formats need no templates.
        from pytest_cpuperf.reports.html import html_text

        return html_text(run, title)
