"""Settings from `cpuperf.toml`, or `[tool.cpuperf]` in `pyproject.toml`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.settings.checking import with_values
from pytest_cpuperf.settings.table import Settings


def load(start: Path) -> Settings:
    """Return the settings that govern `start`.

    They are in the nearest `cpuperf.toml`, or `pyproject.toml` with a `[tool.cpuperf]` table, in `start` or a folder
    above it; without one the root is the nearest folder with a `pyproject.toml` or `.git`, else `start` itself.
    Raises UsageError where a file cannot be read or holds what it should not.
    """
    start = start.resolve()
    folders = [start, *start.parents]
    for folder in folders:
        own = folder / "cpuperf.toml"
        if os.path.isfile(own):  # False, not an error, where the folder may not be looked into
            return with_values(Settings(folder, own), _read(own), str(own))
        shared = folder / "pyproject.toml"
        table = _table(shared) if os.path.isfile(shared) else None
        if table is not None:
            return with_values(Settings(folder, shared), table, f"{shared} [tool.cpuperf]")
    for folder in folders:
        if os.path.isfile(folder / "pyproject.toml") or os.path.exists(folder / ".git"):
            return Settings(folder)
    return Settings(start)


def load_file(path: Path) -> Settings:
    """Return the settings in one named file (`--config`), or raise UsageError."""
    if not os.path.isfile(path):
        raise UsageError(f"{path}: expected a configuration file, found none")
    document = (_table(path) or {}) if path.name == "pyproject.toml" else _read(path)
    return with_values(Settings(path.resolve().parent, path), document, str(path))


def _table(file: Path) -> dict[str, Any] | None:
    """Return the table of a `pyproject.toml` that is ours, or None where it has none."""
    tool = _read(file).get("tool", {})
    table = tool.get("cpuperf") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise UsageError(f"{file} [tool.cpuperf]: expected a table, found {table!r}")
    return table


def _read(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib  # the idle plugin stays quick: read only when there is a file
    else:
        import tomli as tomllib
    try:
        with path.open("rb") as file:
            document: dict[str, Any] = tomllib.load(file)
            return document
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except RecursionError:
        raise UsageError(
            f"{path}: not valid TOML: nested too deeply", "mend the file; nothing of it was used"
        ) from None
    except ValueError as error:  # of TOML, of its encoding, and of numbers with thousands of digits
        said = " ".join(str(error).splitlines())
        raise UsageError(f"{path}: not valid TOML: {said}", "mend the file; nothing of it was used") from None
