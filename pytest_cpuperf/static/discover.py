"""Which files are checked: those under the given paths that no pattern and no .gitignore leaves out."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.results.findings import CheckError
from pytest_cpuperf.static.file_check import language_by_name
from pytest_cpuperf.static.gitignore import IgnorePatterns
from pytest_cpuperf.static.source.text import printable, read_if_any

SUFFIXES = (".py", ".pyi", ".ipynb", ".properties", ".yaml", ".yml")
# Folders that hold other people's code or caches; every checker leaves them out.
_SKIPPED_FOLDERS = frozenset(
    {".git", ".hg", ".svn", ".tox", ".nox", ".venv", "venv", "__pycache__", "node_modules", "site-packages", ".eggs"}
)
_Ignores: TypeAlias = "tuple[tuple[str, IgnorePatterns], ...]"
"""Folders, with the patterns of their .gitignore; outermost first."""


class Discovery:
    """The files to check, and what could not be looked at."""

    def __init__(self, root: Path, exclude: Iterable[str]) -> None:
        """`exclude` holds patterns as in .gitignore, relative to `root`."""
        self._root = root
        self._excluded = IgnorePatterns(exclude)
        self._found: dict[Path, None] = {}
        self.errors: list[CheckError] = []

    @property
    def files(self) -> list[Path]:
        """The files, sorted, each once."""
        return sorted(self._found)

    def add(self, path: Path, force_exclude: bool) -> None:
        """Add a path that was named. Raises UsageError where there is nothing."""
        name = relative(path, self._root)
        try:
            is_folder = stat.S_ISDIR(os.stat(path).st_mode)
        except (FileNotFoundError, NotADirectoryError, ValueError):
            raise UsageError(f"{path}: expected a file or a folder, found nothing there") from None
        except OSError as error:
            self._fail(path, error)
            return
        if is_folder:
            ignores = _ignores_above(path)
            if ignores is not None and not self._excluded.ignore(name, is_folder=True):
                self._walk(path, ignores)
        elif not (force_exclude and self._excluded.ignore(name)):
            self._keep(path)

    def _walk(self, start: Path, ignores: _Ignores) -> None:
        """Add the files in and below a folder. Not recursive: folders may be nested deeper than calls."""
        todo = [(os.fspath(start), ignores)]
        while todo:
            folder, ignores = todo.pop()
            try:
                with os.scandir(folder) as found:
                    entries = list(found)
            except OSError as error:
                self._fail(Path(folder), error)
                continue
            names = {entry.name for entry in entries}
            if "pyvenv.cfg" in names and folder != os.fspath(start):
                continue
            ignores = _ignores_within(folder, names, ignores)
            for entry in entries:
                is_folder = _is_folder(entry)
                if self._is_left_out(entry, is_folder, ignores):
                    continue
                if is_folder:
                    todo.append((entry.path, ignores))
                elif _is_file(entry):
                    self._keep(Path(entry.path))

    def _is_left_out(self, entry: os.DirEntry[str], is_folder: bool, ignores: _Ignores) -> bool:
        if is_folder:
            if entry.name in _SKIPPED_FOLDERS:
                return True
        elif not (entry.name.endswith(SUFFIXES) or language_by_name(entry.name)):
            return True
        if self._excluded.verdict(relative(Path(entry.path), self._root), is_folder):
            return True
        return _is_ignored(os.path.abspath(entry.path), is_folder, ignores)

    def _keep(self, path: Path) -> None:
        name = relative(path, self._root)
        if printable(name) != name:
            self.errors.append(CheckError(printable(name), None, "expected a name in UTF-8, found other bytes in it"))
        else:
            self._found.setdefault(path)

    def _fail(self, path: Path, error: OSError) -> None:
        message = f"cannot be read: {error.strerror or error}"
        self.errors.append(CheckError(printable(relative(path, self._root)), None, message))


def discover(paths: Iterable[Path], root: Path, exclude: Iterable[str], force_exclude: bool = False) -> Discovery:
    """Find the files to check.

    A file named outright is checked whatever its suffix and, without `force_exclude`, whatever the patterns say;
    folders are walked without following links to folders, so a loop of links ends. `exclude` holds gitignore patterns
    relative to `root`.
    Raises UsageError for a path that is not there.
    """
    discovery = Discovery(root, exclude)
    for path in paths:
        discovery.add(path, force_exclude)
    return discovery


def is_excluded(path: Path, root: Path, exclude: Iterable[str]) -> bool:
    """Return whether gitignore patterns relative to `root` leave a file out."""
    return IgnorePatterns(exclude).ignore(relative(path, root))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a file or a link to one; a link that leads nowhere is told when it is read."""
    try:
        return entry.is_file() or (entry.is_symlink() and not entry.is_dir())
    except OSError:
        return True


def _is_ignored(path: str, is_folder: bool, ignores: _Ignores) -> bool:
    """Return whether the .gitignore files above an absolute path ignore it; the closest one has the last word."""
    for folder, patterns in reversed(ignores):
        said = patterns.verdict(path[len(folder) :].replace(os.sep, "/"), is_folder)
        if said is not None:
            return said
    return False


def _ignores_within(folder: str, names: Iterable[str], ignores: _Ignores) -> _Ignores:
    """Return what holds for the entries of a folder; a repository of its own has its own .gitignore files."""
    inside = os.path.join(os.path.abspath(folder), "")
    if ".git" in names:
        ignores = ((inside, IgnorePatterns.of_file(read_if_any(Path(inside, ".git", "info", "exclude")))),)
    own = Path(inside, ".gitignore")
    if ".gitignore" in names and not own.is_symlink():  # git follows no link there
        ignores = (*ignores, (inside, IgnorePatterns.of_file(read_if_any(own))))
    return ignores


def _ignores_above(folder: Path) -> _Ignores | None:
    """Return what holds for a folder from above, from the top of its repository on; None where it is ignored itself."""
    ignores: _Ignores = ()
    for above, below in pairwise(_from_top(os.path.abspath(folder))):
        names = [name for name in (".git", ".gitignore") if os.path.lexists(os.path.join(above, name))]
        ignores = _ignores_within(above, names, ignores)
        if _is_ignored(below, True, ignores):
            return None
    return ignores


def _from_top(folder: str) -> Sequence[str]:
    """Return the folders from the top of a folder's repository down to it; the folder alone where there is none."""
    chain = [folder]
    while not os.path.lexists(os.path.join(chain[0], ".git")):
        above = os.path.dirname(chain[0])
        if above == chain[0]:
            return [folder]
        chain.insert(0, above)
    return chain


def relative(path: Path, root: Path) -> str:
    """Return a path relative to the project's root with forward slashes, or as it is where it lies outside."""
    absolute, above = os.path.abspath(path), os.path.join(root, "")
    if absolute.startswith(above):
        return absolute[len(above) :].replace(os.sep, "/")
    return "." if absolute == str(root) else path.as_posix()
