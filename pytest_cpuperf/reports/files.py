"""Reports as files, made when they are written."""

from __future__ import annotations

from pathlib import Path

from pytest_cpuperf.reports.formats import render_run
from pytest_cpuperf.results.files import append_text, write_text
from pytest_cpuperf.results.run import RunResult


def write_run(path: Path, run: RunResult, suffix: str) -> None:
    """Write a run in the format of a suffix, whatever the file's own is. Raises UsageError."""
    write_text(path, render_run(suffix, run, path.stem))


def append_markdown(path: Path, run: RunResult) -> None:
    """Append the run as Markdown, as GitHub expects of a step's summary. Raises UsageError."""
    append_text(path, render_run(".md", run, path.stem))
