"""Static findings as tests: one item per file that has any."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.results.findings import CheckError, Finding
from pytest_cpuperf.results.printable import printable, printable_text
from pytest_cpuperf.run.state import Run, is_measured
from pytest_cpuperf.run.static_scope import ITEM, StaticScope
from pytest_cpuperf.settings.pytest_options import usage_error


class StaticFindings(Exception):
    """A file has findings."""


class StaticFile(pytest.File):
    """A file that was checked."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield nothing: items are made from findings, not by reading the file."""
        return iter(())


class StaticItem(pytest.Item):
    """A file's findings. Its id is `path/to/file.py::cpuperf`: for -k, for --deselect, and to be run alone."""

    findings: list[Finding]
    errors: list[CheckError]

    def runtest(self) -> None:
        """Fail where there are findings; a file without any has an item only where it was asked for by its id."""
        if self.findings or self.errors:
            raise StaticFindings

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """Return the findings as `cpuperf check` prints them."""
        if not isinstance(excinfo.value, StaticFindings):
            return str(super().repr_failure(excinfo, style))
        from pytest_cpuperf.reports.findings import finding_text  # deferred: only failures are rendered

        parts = [finding_text(f) for f in printable(self.findings)]
        parts += [f"{e.path}:{e.line or 1}: {e.message}" for e in printable(self.errors)]
        return "\n\n".join(parts)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where the first finding is, and a name for the report."""
        lines = [f.line for f in self.findings] + [e.line or 1 for e in self.errors]
        line = next(iter(lines), 1)
        return self.path, line - 1, f"cpuperf check {self.nodeid.removesuffix('::cpuperf')}"


class StaticChecks:
    """Puts static findings first among the tests, and leaves out what `--cpuperf-only` does not run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._scope = StaticScope(run.config)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """Keep the ids of static items from pytest's own collection."""
        self._scope.take_ids()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Add an item for each file with findings, before -k, -m and --deselect choose."""
        if self._run.settings.only:
            kept = [i for i in items if is_measured(i)]
            left_out = [i for i in items if i not in kept]
            items[:] = kept
            if left_out:
                session.config.hook.pytest_deselected(items=left_out)
        # A single test asked for by its id is what the user wants to see, and nothing else.
        if self._run.settings.static and not self._scope.is_empty:
            try:
                items[:0] = self._check(session)
            except UsageError as error:
                raise usage_error(error) from None

    def _check(self, session: pytest.Session) -> list[StaticItem]:
        """Check the project, and return an item for each file that has findings or could not be checked."""
        from pytest_cpuperf.static.check import check_project  # deferred: libcst, for a run with static checks
        from pytest_cpuperf.static.discover import relative

        run = self._run
        run.static = check_project(run.settings, run.usable_cpus, self._scope.holds)
        findings: dict[str, list[Finding]] = defaultdict(list)
        errors: dict[str, list[CheckError]] = defaultdict(list)
        for finding in run.static.findings:
            findings[finding.path].append(finding)
        for error in run.static.errors:
            errors[error.path].append(error)
        items = []
        asked = {relative(path, run.settings.root) for path in self._scope.ids}
        for path in sorted({*findings, *errors, *asked}):
            place = run.settings.root / path
            if path in asked and not place.exists():
                raise UsageError(f"{path}::{ITEM}: expected a file, found nothing there")
            # Without an id pytest makes one from the arguments; what it prints could then not be run.
            file = StaticFile.from_parent(session, path=place, nodeid=_nodeid(place, session.config.rootpath))
            item: StaticItem = StaticItem.from_parent(file, name=ITEM)
            item.findings, item.errors = findings[path], errors[path]
            items.append(item)
        return items


def _nodeid(path: Path, root: Path) -> str:
    """Return a file's part of an id: relative to pytest's root; whole outside it, where pytest prints it relative."""
    return printable_text(path.relative_to(root).as_posix() if root in path.parents else path.as_posix())
