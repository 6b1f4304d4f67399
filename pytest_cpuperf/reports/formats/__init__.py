"""Output formats: one file each, in `findings/` or `runs/`, which registers itself."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from pytest_cpuperf.reports.formats import findings, runs
from pytest_cpuperf.reports.formats.base import FindingsFormat, RunFormat, View
from pytest_cpuperf.results.printable import printable, printable_text

if TYPE_CHECKING:
    # Findings are written without what runs bring.
    from pytest_cpuperf.results.findings import CheckResult
    from pytest_cpuperf.results.run import RunResult

__all__ = [
    "FindingsFormat",
    "RunFormat",
    "View",
    "findings_format_names",
    "render_findings",
    "render_run",
    "run_formats",
]


def findings_format_names() -> list[str]:
    """Return the names for `cpuperf check --format`, without loading the formats."""
    return sorted(module.name for module in pkgutil.iter_modules(findings.__path__))


def findings_format(name: str) -> FindingsFormat:
    """Return the format of a name. Only its own file is loaded: checking one file is to take no longer than it must."""
    importlib.import_module(f"{findings.__name__}.{name}")
    if name not in FindingsFormat.formats:
        raise TypeError(f"formats/findings/{name}.py defines no format called {name!r}")
    return FindingsFormat.formats[name]()


def render_findings(name: str, result: CheckResult, view: View) -> str:
    """Return findings in the format of a name."""
    chosen = findings_format(name)
    return chosen.render(result if chosen.holds_any_text else printable(result), view)


def render_run(suffix: str, run: RunResult, title: str) -> str:
    """Return a run in the format of a suffix. Raises MissingExtraError as `RunFormat.render`."""
    chosen = run_formats()[suffix]
    return chosen.render(run if chosen.holds_any_text else printable(run), printable_text(title))


def run_formats() -> dict[str, RunFormat]:
    """Return the formats of `cpuperf report` by the suffix of the file they write."""
    for module in pkgutil.iter_modules(runs.__path__):
        importlib.import_module(f"{runs.__name__}.{module.name}")
    return {suffix: kind() for suffix, kind in sorted(RunFormat.formats.items())}
