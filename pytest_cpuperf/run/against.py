"""`--cpuperf-against REV`: the same tests here and at another revision, in processes that run beside this one."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from dataclasses import replace

import pytest

from pytest_cpuperf.clock import now
from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.measure.staged import STAGES
from pytest_cpuperf.results.run import OtherRevision
from pytest_cpuperf.run.costs import starting_cost
from pytest_cpuperf.run.other_side.sides import OtherSide, other_side
from pytest_cpuperf.run.other_side.wanted import Wanted
from pytest_cpuperf.run.other_side.worktree import find_revision
from pytest_cpuperf.run.state import TEST, Run, is_measured
from pytest_cpuperf.settings.pytest_options import usage_error


class Against:
    """Runs measured tests at another revision beside this one's. Registered where a revision is asked for."""

    name = "cpuperf-against"
    """What pytest knows this plugin by."""

    def __init__(self, run: Run, revision: str) -> None:
        """Find the revision. Raises pytest's UsageError where there is none, or where xdist runs several tests."""
        self._run = run
        try:
            if _runs_in_workers(run.config):
                raise UsageError("--cpuperf-against runs one side at a time, and xdist runs several tests", "add -n0")
            self._revision = find_revision(revision, run.invocation)
        except UsageError as error:
            raise usage_error(error) from None
        found = self._revision
        run.against = OtherRevision(found.name, found.commit, found.changed_files)
        self.other_side: OtherSide | None = None
        """The other process's tests; None until the first test that measures, and where it cannot be started."""
        self._why_not: str | None = None
        self._collected: frozenset[str] = frozenset()
        self._began = now()

    def pytest_report_header(self) -> list[str]:
        """Show what tests are held against."""
        changed = self._revision.changed_files
        state = f"{changed} changed {'file' if changed == 1 else 'files'}" if changed else "as committed"
        return [f"cpuperf: the working tree, {state}, against {self._revision.name} ({self._revision.short})"]

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Learn which tests there are, before any is left out."""
        self._collected = frozenset(i.nodeid for i in items)

    def pytest_report_collectionfinish(self, items: list[pytest.Item]) -> list[str]:
        """Show what verdicts will cost, where importing the tests takes so long that it counts."""
        seconds = now() - self._began
        fewest, most = STAGES[0].processes, STAGES[-1].processes
        what = f"judged by {fewest} to {most} pairs of fresh processes each"
        # The two of a pair start at once, which takes as long as one where there are CPUs for both.
        return starting_cost(items, what, fewest * seconds, 2 * most * seconds, seconds)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Start the other process before the first measured test is pinned: it is to inherit no pin."""
        if is_measured(item) and self.other_side is None and self._why_not is None:
            self._start()
        try:
            return (yield)
        finally:
            if self.other_side is not None and is_measured(item):
                assert self._run.against is not None
                self._run.against = replace(self._run.against, only_there=tuple(self.other_side.only_there))

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Run the test at the other revision, too; fail it where that process cannot be started."""
        if not is_measured(item):
            return
        if self._why_not:
            pytest.fail(f"cpuperf: {self._why_not}", pytrace=False)
        placement = item.stash[TEST].placement
        if self.other_side is not None and placement is not None:
            self.other_side.begin(item.nodeid, placement)

    def _start(self) -> None:
        config = self._run.config
        wanted = Wanted.of(config, self._collected)
        # To the end of pytest's run, however it ends.
        stack = contextlib.ExitStack()
        config.add_cleanup(stack.close)
        try:
            self.other_side = stack.enter_context(other_side(self._revision, wanted))
        except UsageError as error:
            self._why_not = f"{error}" + (f"\n{error.hint}" if error.hint else "")


def _runs_in_workers(config: pytest.Config) -> bool:
    """Return whether xdist distributes this run."""
    return bool(getattr(config.option, "numprocesses", None) or getattr(config.option, "tx", None))
