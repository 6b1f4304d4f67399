"""Fresh processes that run a test of this tree again, for figures that are stored or held against stored ones."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_cpuperf.clock import now
from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.measure.blocks import WorkElsewhereError
from pytest_cpuperf.measure.processes import FEWEST, MOST
from pytest_cpuperf.results.measurements import ProcessSpeed
from pytest_cpuperf.results.placement import Placement
from pytest_cpuperf.run.costs import starting_cost
from pytest_cpuperf.run.other_side.side import Side, Start, Tree
from pytest_cpuperf.run.other_side.wanted import Wanted
from pytest_cpuperf.run.state import TEST, Run, is_measured
from pytest_cpuperf.system.scratch import scratch_folder


class Processes:
    """Starts processes as this one was before its first test, each for one function of one test."""

    name = "cpuperf-processes"
    """What pytest knows this plugin by."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._start = Start.here()
        self._running: tuple[str, Placement] | None = None
        self._began = now()

    def pytest_report_collectionfinish(self, items: list[pytest.Item]) -> list[str]:
        """Show what storing a run, or holding this one against a stored one, will cost where importing takes long."""
        settings = self._run.settings
        seconds = now() - self._began
        if settings.save is not None:
            what = f"stored with {MOST} fresh processes for each throughput"
            return starting_cost(items, what, MOST * seconds, MOST * seconds, seconds)
        if settings.compare is not None:
            what = f"held against the stored run by {FEWEST} to {MOST} fresh processes for each throughput"
            return starting_cost(items, what, FEWEST * seconds, MOST * seconds, seconds)
        return []

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Learn which test runs now, and where."""
        placement = item.stash[TEST].placement
        self._running = (item.nodeid, placement) if is_measured(item) and placement is not None else None

    def speed(self, label: str, seconds: float) -> ProcessSpeed:
        """Return the speed of the running test's function in a process that begins now and ends afterwards.

        Raises WorkElsewhereError where it cannot be measured there.
        """
        assert self._running is not None
        test, placement = self._running
        wanted = Wanted.of(self._run.config, frozenset())
        wanted = replace(wanted, paths=(str(wanted.root / test.split("::")[0]),))
        top = Path(os.path.commonpath([wanted.root, wanted.invocation]))
        with scratch_folder("process") as folder:
            # Nothing is imported from an empty folder: there is no other tree here.
            tree = Tree("a fresh process", top, folder / "nothing", top, folder / "log.txt")
            try:
                side = Side(tree, wanted, self._start.with_hash_seed())
            except (UsageError, OSError) as error:
                raise WorkElsewhereError(str(error)) from None
            try:
                if test not in side.collect()[0]:
                    raise WorkElsewhereError("a fresh process does not collect this test")
                side.begin(test, placement)
                return side.speed(label, seconds)
            finally:
                side.close()
