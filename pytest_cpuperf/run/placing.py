"""Where tests run: each is pinned, fixtures included, and all is put back however it ends."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable
from dataclasses import replace

import pytest

from pytest_cpuperf import __version__
from pytest_cpuperf.machine.pin import Pin, can_pin
from pytest_cpuperf.machine.placement import CannotPlaceError, Place, Request, place
from pytest_cpuperf.marker import marker_of
from pytest_cpuperf.results.figures import format_cpus
from pytest_cpuperf.results.placement import Placement
from pytest_cpuperf.run.state import TEST, Run, RunningTest, is_measured
from pytest_cpuperf.run.static_items import StaticItem
from pytest_cpuperf.run.surroundings import Surroundings


class Placing:
    """Pins tests to CPUs."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def pytest_report_header(self) -> list[str]:
        """Show which CPUs are ours and what bounds them."""
        run = self._run
        ours = run.limits.within(run.topology)
        quota = "no quota" if run.limits.quota is None else f"quota {run.limits.quota:g}"
        return [
            f"cpuperf: {__version__}, {run.usable_cpus} usable of {len(run.topology.cpus)} CPUs "
            f"({format_cpus(ours.cpus)}), {len(ours.cores)} cores, {quota}, pin: {run.settings.pin}"
        ]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Pin the process from before the test's first fixture to after its last."""
        test = item.stash[TEST] = RunningTest()
        with contextlib.ExitStack() as stack:
            if not isinstance(item, StaticItem):
                self._pin_test(item, test, stack)
            return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Fail or skip the test, in its own setup, where it cannot be placed."""
        test = item.stash[TEST]
        test.begin_attempt()
        if test.marker is None and not isinstance(item, StaticItem):
            marker_of(item)  # raises again what was wrong with it
        if test.cannot_place:
            pytest.skip(f"cpuperf: {test.cannot_place}")

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """When the call has ended, see which threads and how much memory are elsewhere."""
        test = item.stash.get(TEST, None)
        if call.when == "call" and test and test.pin and test.placement:
            surroundings = test.surroundings or Surroundings(test.pin, self._run.topology)
            test.placement = surroundings.of_test(test.placement)
        return (yield)

    def _pin_test(self, item: pytest.Item, test: RunningTest, stack: contextlib.ExitStack) -> None:
        """Choose a placement and pin the process to it, until `stack` is closed."""
        try:
            test.marker = marker_of(item)
        except pytest.fail.Exception:
            return  # raised again in setup, where pytest turns it into the test's own error
        measured, pin = is_measured(item), self._run.settings.pin
        wanted = pin == "each" or (pin == "measured" and measured)
        try:
            chosen, slots = self._choose(test.marker.request)
        except CannotPlaceError as error:
            test.cannot_place = str(error) if wanted else None
            return
        worker = self._run.worker
        if worker and worker.turns and measured:
            stack.enter_context(worker.turns.take(slots))
        self._pin(test, chosen, wanted)
        if test.pin:
            stack.callback(test.pin.restore)

    def _choose(self, request: Request) -> tuple[Place, Iterable[int]]:
        """Return where a test runs, and the slots it must hold while it measures."""
        run = self._run
        slot = run.worker.slot if run.worker else None
        if slot is None:
            return place(run.topology, run.limits, request), ()
        part = f"part {slot.number + 1} of {slot.count} for this worker"
        try:
            chosen = place(run.topology, slot.limits, request)
            return replace(chosen, reason=f"{chosen.reason}, {part}"), (slot.number,)
        except CannotPlaceError:
            # More than a worker's part: it waits for all of them, and runs alone.
            chosen = place(run.topology, run.limits, request)
            return replace(chosen, reason=f"{chosen.reason}, more than a worker's part"), range(slot.count)

    def _pin(self, test: RunningTest, chosen: Place, wanted: bool) -> None:
        run = self._run
        why_not = can_pin() if wanted else f"--cpuperf-pin {run.settings.pin}"
        if why_not is None:
            try:
                test.pin = Pin.apply(chosen.cpus)
            except OSError as error:
                why_not = f"the kernel refused CPUs {format_cpus(chosen.cpus)}: {error.strerror}"
            else:
                strays = test.pin.strays()
                why_not = f"threads outside the placement: {', '.join(map(str, strays))}" if strays else None
        cpus = chosen.cpus if why_not is None else tuple(sorted(run.limits.allowed or run.topology.cpus))
        test.placement = Placement(cpus, why_not or chosen.reason, pinned=why_not is None)
