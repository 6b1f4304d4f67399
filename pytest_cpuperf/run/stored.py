"""Runs stored under a name: where they are, what a test reached in one, and storing this one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.results.remarks import Remark
from pytest_cpuperf.results.remarks.measuring import NoStoredRun, NotInStoredRun
from pytest_cpuperf.results.stored import StoredFigure, StoredRun, read_run, stored_path
from pytest_cpuperf.run.state import Run
from pytest_cpuperf.settings.pytest_options import usage_error


class StoredRuns:
    """The stored runs that this run's tests are held against."""

    def __init__(self, run: Run) -> None:
        """Read the run that `--cpuperf-compare` names. Raises pytest's UsageError where there is none."""
        self._run = run
        self._read: dict[str, StoredRun | None] = {}
        save, compare = run.settings.save, run.settings.compare
        try:
            if save is not None:
                self.path(save)
            if compare is not None and self._stored(compare) is None:
                hint = f"pytest --cpuperf --cpuperf-save {compare} makes one"
                raise UsageError(f"there is no stored run {compare!r}: expected {self.path(compare)}", hint)
        except UsageError as error:
            raise usage_error(error) from None

    def path(self, name: str) -> Path:
        """Return the file of a stored run. Raises UsageError for what is no name."""
        settings = self._run.settings
        return stored_path(name, settings.cache_folder, settings.root, self._run.invocation)

    def figure(self, test_id: str, name: str, label: str) -> StoredFigure | Remark:
        """Return what a test reached in a stored run, or why there is nothing."""
        run = self._stored(name)
        if run is None:
            return NoStoredRun(name, str(self.path(name)))
        figure = run.figure(test_id, label)
        if figure is None:
            return NotInStoredRun(name, label)
        return replace(figure, other_machine=run.other_machine(self._run.machine))

    def _stored(self, name: str) -> StoredRun | None:
        if name not in self._read:
            self._read[name] = read_run(name, self.path(name))
        return self._read[name]
