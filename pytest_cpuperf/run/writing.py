"""What a run leaves: files, the stored run, and the summary at its end."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.reports.annotations import run_annotations
from pytest_cpuperf.reports.files import append_markdown, write_run
from pytest_cpuperf.reports.summary import headline, summary_lines
from pytest_cpuperf.results.printable import printable, printable_text
from pytest_cpuperf.results.run import RunResult
from pytest_cpuperf.results.stored import with_earlier_tests
from pytest_cpuperf.run.state import Run
from pytest_cpuperf.run.stored import StoredRuns
from pytest_cpuperf.settings.table import Settings
from pytest_cpuperf.system.locks import alone_in


class Writing:
    """Writes what was asked for, in the process that reports."""

    def __init__(self, run: Run, stored: StoredRuns) -> None:
        """Look where files go. Raises pytest's UsageError where one is a folder."""
        self._run = run
        self._stored = stored
        self._results_path = _output_path("json", run.settings, run.invocation)
        self._report_path = _output_path("html", run.settings, run.invocation)
        self._written: list[str] = []
        """Lines that say what was written, and what could not be."""

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the files that were asked for."""
        if self._run.worker:
            return
        if self._results_path is not None:
            self._write(session, self._results_path, partial(write_run, suffix=".json"), "results")
        if self._report_path is not None:
            self._write(session, self._report_path, partial(write_run, suffix=".html"), "report")
        if os.environ.get("GITHUB_STEP_SUMMARY"):
            self._write(session, Path(os.environ["GITHUB_STEP_SUMMARY"]), append_markdown, "step summary")
        if self._run.settings.save is not None:
            self._write(session, self._stored.path(self._run.settings.save), _store, "stored")

    def _write(self, session: pytest.Session, path: Path, write: Callable[[Path, RunResult], None], what: str) -> None:
        if session.exitstatus == pytest.ExitCode.INTERRUPTED:
            self._written.append(f"{path} was not written: the run was interrupted")
            return
        try:
            write(path, self._run.result())
            self._written.append(f"{what}: {path}")
        except UsageError as error:
            self._written.append(str(error))
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def pytest_terminal_summary(self, terminalreporter: Any, config: pytest.Config) -> None:
        """Show what was measured and found."""
        result = printable(self._run.result())
        lines = summary_lines(result, terminalreporter._tw.fullwidth, verbose=config.option.verbose > 0)
        terminalreporter.section(headline(result.machine), sep="=")
        for text, markup in lines:
            terminalreporter.write_line(text, **dict.fromkeys(markup, True))
        for line in self._written:
            terminalreporter.write_line(printable_text(line))
        if os.environ.get("GITHUB_ACTIONS") == "true":
            terminalreporter.write(run_annotations(result))


def _store(path: Path, run: RunResult) -> None:
    with alone_in(path.parent):  # another run may store its tests under this name now
        write_run(path, with_earlier_tests(path, run), ".json")


def _output_path(key: str, settings: Settings, invocation: Path) -> Path | None:
    """Return where `json` or `html` go: a flag's file is relative to where pytest was called.

    Raises pytest's UsageError where there is a folder of that name.
    """
    name = getattr(settings, key)
    if name is None:
        return None
    path: Path = invocation / name
    if path.is_dir():
        raise pytest.UsageError(f"cpuperf: {key} takes a file name, found the folder {path}")
    return path
