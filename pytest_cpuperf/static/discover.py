"""Which files are checked: those under the given paths that no pattern and no .gitignore leaves out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pathspec

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.static.file_check import language_by_name

SUFFIXES = (".py", ".pyi", ".ipynb", ".properties", ".yaml", ".yml")
# Folders that hold other people's code or caches; every checker leaves them out.
_SKIPPED_FOLDERS = frozenset(
    {".git", ".hg", ".svn", ".tox", ".nox", ".venv", "venv", "__pycache__", "node_modules", "site-packages", ".eggs"}
)


def discover(paths: Iterable[Path], root: Path, exclude: Iterable[str], force_exclude: bool = False) -> list[Path]:
    """Return the files to check, sorted, each once.

    A file named outright is checked whatever its suffix and, without `force_exclude`, whatever the patterns say;
    folders are walked without following links to folders, so a loop of links ends. `exclude` holds gitignore patterns
    relative to `root`.
    Raises UsageError for a path that is not there.
    """
    found: dict[Path, None] = {}
    excluded = pathspec.PathSpec.from_lines("gitignore", exclude)
    for path in paths:
        if path.is_dir():
            for file in _walk(path, root, excluded, _ignores_above(path)):
                found.setdefault(file)
        elif path.exists():
            if not (force_exclude and excluded.match_file(relative(path, root))):
                found.setdefault(path)
        else:
            raise UsageError(f"{path}: expected a file or a folder, found nothing there")
    return sorted(found)


def is_excluded(path: Path, root: Path, exclude: Iterable[str]) -> bool:
    """Return whether gitignore patterns relative to `root` leave a file out."""
    return pathspec.PathSpec.from_lines("gitignore", exclude).match_file(relative(path, root))


_Ignores: TypeAlias = "tuple[tuple[Path, pathspec.PathSpec[Any]], ...]"


def _walk(folder: Path, root: Path, excluded: pathspec.PathSpec[Any], ignores: _Ignores) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda e: e.name)
    except OSError:
        return
    ignores = (*ignores, *_ignore_file(folder))
    for entry in entries:
        path = Path(entry.path)
        try:
            is_folder = entry.is_dir(follow_symlinks=False)
            is_file = entry.is_file()
        except OSError:
            continue
        if _left_out(path, is_folder, root, excluded, ignores):
            continue
        if is_folder:
            if entry.name not in _SKIPPED_FOLDERS and not (path / "pyvenv.cfg").exists():
                yield from _walk(path, root, excluded, ignores)
        elif (entry.name.endswith(SUFFIXES) or language_by_name(entry.name)) and (is_file or entry.is_symlink()):
            yield path  # a dangling link is told as an error when it is read


def _left_out(path: Path, is_folder: bool, root: Path, excluded: pathspec.PathSpec[Any], ignores: _Ignores) -> bool:
    slash = "/" if is_folder else ""
    if excluded.match_file(relative(path, root) + slash):
        return True
    verdict = None
    for folder, patterns in ignores:  # the .gitignore closest to the file has the last word
        said = patterns.check_file(relative(path, folder) + slash).include
        verdict = verdict if said is None else said
    return bool(verdict)


def _ignore_file(folder: Path) -> _Ignores:
    try:
        text = (folder / ".gitignore").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    patterns = pathspec.PathSpec.from_lines("gitignore", text.splitlines())
    return ((Path(os.path.abspath(folder)), patterns),)


def _ignores_above(folder: Path) -> _Ignores:
    """Return the .gitignore files above a folder, up to the top of its repository, outermost first."""
    above: list[_Ignores] = []
    folder = Path(os.path.abspath(folder))
    if (folder / ".git").exists():
        return ()
    for parent in folder.parents:
        above.append(_ignore_file(parent))
        if (parent / ".git").exists():
            return tuple(i for ignore in reversed(above) for i in ignore)
    return ()


def relative(path: Path, root: Path) -> str:
    """Return a path relative to the project's root with forward slashes, or as it is where it lies outside."""
    absolute, above = os.path.abspath(path), os.path.join(root, "")
    if absolute.startswith(above):
        return absolute[len(above) :].replace(os.sep, "/")
    return "." if absolute == str(root) else path.as_posix()
