"""Output formats: one file each, in `findings/` or `runs/`, which registers itself."""

from __future__ import annotations

import importlib
import pkgutil

from pytest_cpuperf.reports.formats import findings, runs
from pytest_cpuperf.reports.formats.base import FindingsFormat, RunFormat, View

__all__ = ["FindingsFormat", "RunFormat", "View", "findings_format", "findings_format_names", "run_formats"]


def findings_format_names() -> list[str]:
    """Return the names for `cpuperf check --format`, without loading the formats."""
    return sorted(module.name for module in pkgutil.iter_modules(findings.__path__))


def findings_format(name: str) -> FindingsFormat:
    """Return the format of a name. Only its own file is loaded: checking one file is to take no longer than it must."""
    importlib.import_module(f"{findings.__name__}.{name}")
    if name not in FindingsFormat.formats:
        raise TypeError(f"formats/findings/{name}.py defines no format called {name!r}")
    return FindingsFormat.formats[name]()


def run_formats() -> dict[str, RunFormat]:
    """Return the formats of `cpuperf report` by the suffix of the file they write."""
    for module in pkgutil.iter_modules(runs.__path__):
        importlib.import_module(f"{runs.__name__}.{module.name}")
    return {suffix: kind() for suffix, kind in sorted(RunFormat.formats.items())}
