"""Which files' static findings a run's arguments ask for: ids, paths, `--ignore` and `--ignore-glob`."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

ITEM = "cpuperf"
"""The name of a static item: its id is `path/to/file.py::cpuperf`."""
_ID_END = f"::{ITEM}"


class StaticScope:
    """What of the project's static findings is asked for."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._ids: list[Path] | None = None
        self._paths = [self._path(arg) for arg in arguments(config) if "::" not in arg]
        self._single_tests = any("::" in arg and not arg.endswith(_ID_END) for arg in config.args)

    def take_ids(self) -> None:
        """Take the ids of static items out of pytest's arguments: their files are read by nothing that it knows."""
        ids = [arg for arg in self._config.args if arg.endswith(_ID_END)]
        if ids:
            self._ids = [self._path(arg.removesuffix(_ID_END)) for arg in ids]
            self._config.args[:] = [arg for arg in self._config.args if arg not in ids]

    @property
    def ids(self) -> Sequence[Path]:
        """The files that were asked for by id."""
        return self._ids or ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be checked: tests were asked for by their ids, and no static item."""
        return self._single_tests and not self._ids and not self._paths

    def holds(self, file: Path) -> bool:
        """Return whether a file's findings are asked for."""
        file = Path(os.path.realpath(file))
        wanted = [*self.ids, *self._paths]
        if (self._ids is not None or self._paths) and not any(_is_in(file, path) for path in wanted):
            return False
        option = self._config.option
        if any(_is_in(file, self._path(ignored)) for ignored in option.ignore or ()):
            return False
        folder = os.path.realpath(self._config.invocation_params.dir)
        patterns = [os.path.normpath(os.path.join(folder, pattern)) for pattern in option.ignore_glob or ()]
        return not any(fnmatch.fnmatch(str(part), p) for p in patterns for part in (file, *file.parents))

    def _path(self, arg: str) -> Path:
        """Return an argument's path: relative to where pytest was called, or, as ids are printed, to its root."""
        here = Path(os.path.realpath(self._config.invocation_params.dir / arg))
        from_root = Path(os.path.realpath(self._config.rootpath / arg))
        return here if here.exists() or not from_root.exists() else from_root


def arguments(config: pytest.Config) -> list[str]:
    """Return the paths and ids that the user gave; none where pytest filled them in from `testpaths` or the folder."""
    handed_on: list[str] | None = getattr(config, "workerinput", {}).get("cpuperf_arguments")
    if handed_on is not None:
        return handed_on  # xdist's workers are given the controller's arguments, whoever named them
    return list(config.args) if config.args_source is pytest.Config.ArgsSource.ARGS else []


def _is_in(file: Path, path: Path) -> bool:
    return file == path or path in file.parents
