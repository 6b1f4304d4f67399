"""Static findings as tests: one item per file that has any."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_cpuperf.config import Config
from pytest_cpuperf.results.findings import CheckError, CheckResult, Finding


class StaticFindings(Exception):
    """A file has findings."""


class StaticFile(pytest.File):
    """A file that was checked."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield nothing: items are made from findings, not by reading the file."""
        return iter(())


class StaticItem(pytest.Item):
    """A file's findings. Its id is `path/to/file.py::cpuperf`, for -k and --deselect."""

    findings: list[Finding]
    errors: list[CheckError]

    def runtest(self) -> None:
        """Fail: a file without findings has no item."""
        raise StaticFindings

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """Return the findings as `cpuperf check` prints them."""
        if not isinstance(excinfo.value, StaticFindings):
            return str(super().repr_failure(excinfo, style))
        from pytest_cpuperf.reports.findings import finding_text  # deferred: only failures are rendered

        parts = [finding_text(f) for f in self.findings]
        parts += [f"{e.path}:{e.line or 1}: {e.message}" for e in self.errors]
        return "\n\n".join(parts)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Return where the first finding is, and a name for the report."""
        line = self.findings[0].line if self.findings else (self.errors[0].line or 1)
        return self.path, line - 1, f"cpuperf check {self.nodeid.removesuffix('::cpuperf')}"


def static_items(session: pytest.Session, config: Config, cpus: int) -> tuple[CheckResult, list[StaticItem]]:
    """Check the project, and return what was found, and an item for each file with findings."""
    from pytest_cpuperf.static.check import check_project  # deferred: libcst, for a run with static checks

    result = check_project(config, cpus)
    findings: dict[str, list[Finding]] = defaultdict(list)
    errors: dict[str, list[CheckError]] = defaultdict(list)
    for finding in result.findings:
        findings[finding.path].append(finding)
    for error in result.errors:
        errors[error.path].append(error)
    items = []
    for path in sorted({*findings, *errors}):
        file = StaticFile.from_parent(session, path=config.root / path)
        item: StaticItem = StaticItem.from_parent(file, name="cpuperf")
        item.findings, item.errors = findings[path], errors[path]
        items.append(item)
    return result, items
