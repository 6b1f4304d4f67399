"""Packages as pip would leave them: a module and its metadata in a folder on the path."""

import shutil
import textwrap
from pathlib import Path

import pytest_cpuperf

PACKAGE = Path(pytest_cpuperf.__file__).parent


def install(folder, name, source, **entry_points):
    """Put a package of one module into a folder; `rules="module:Class"` becomes an entry point of pytest_cpuperf."""
    (folder / f"{name.replace('-', '_')}.py").write_text(textwrap.dedent(source))
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    groups = [f"[pytest_cpuperf.{group}]\nthe_one = {value}\n" for group, value in entry_points.items()]
    (info / "entry_points.txt").write_text("\n".join(groups))


def copy_of_the_package(folder):
    """Return the package, copied into a folder that goes before the real one on the path."""
    return Path(shutil.copytree(PACKAGE, folder / "pytest_cpuperf", ignore=shutil.ignore_patterns("__pycache__")))
