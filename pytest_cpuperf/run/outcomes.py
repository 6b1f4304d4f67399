"""What tests measured: the fixture they measure with, what an inconclusive measurement does, and their records."""

from __future__ import annotations

import os
import warnings
from collections.abc import Generator
from functools import cached_property, partial
from typing import Any

import pytest

from pytest_cpuperf.fixture import CpuPerf
from pytest_cpuperf.measure.stored import History
from pytest_cpuperf.reports.live import LiveLine
from pytest_cpuperf.reports.measurement import explain_failure, in_a_line
from pytest_cpuperf.reports.sentences import sentence
from pytest_cpuperf.results.calibration import Calibration, calibration_path, read_calibration
from pytest_cpuperf.results.codec import from_json, to_json
from pytest_cpuperf.results.machine import Machine
from pytest_cpuperf.results.printable import printable
from pytest_cpuperf.results.run import TestRecord
from pytest_cpuperf.results.verdicts import Verdict
from pytest_cpuperf.run.against import Against
from pytest_cpuperf.run.processes import Processes
from pytest_cpuperf.run.state import TEST, Run
from pytest_cpuperf.run.static_items import StaticItem
from pytest_cpuperf.run.stored import StoredRuns
from pytest_cpuperf.run.surroundings import Surroundings

_OUR_SKIPS = ("Skipped: cpuperf: ", "Skipped: inconclusive: ")


class InconclusiveWarning(UserWarning):
    """A measurement could not tell whether its budget is met (`--cpuperf-inconclusive warn`)."""


class Outcomes:
    """Takes measurements from where tests run to where they are reported, under xdist another process."""

    def __init__(self, run: Run, stored: StoredRuns) -> None:
        self._run = run
        self._stored = stored

    def fixture(self, item: pytest.Item) -> CpuPerf:
        """Return the fixture for a test."""
        test, settings = item.stash[TEST], self._run.settings
        given: dict[str, Any] = {}
        if test.marker and test.marker.confidence is not None:
            given["confidence"] = test.marker.confidence
        seconds = test.marker.max_seconds if test.marker else None
        against: Against | None = self._run.config.pluginmanager.get_plugin(Against.name)
        if test.pin and test.placement and test.placement.pinned:
            test.surroundings = Surroundings(test.pin, self._run.topology)
            given["outside"] = test.surroundings.after_measurement
        test.fixture = CpuPerf(
            placement=test.placement,
            max_seconds=seconds or settings.max_seconds,
            explain=explain_failure,
            history=History(
                partial(self._stored.figure, item.nodeid),
                self._run.config.pluginmanager.get_plugin(Processes.name),
                settings.compare,
                settings.save is not None,
            ),
            against=against.other_side if against else None,
            calibration=self._calibration,
            live=self._live,
            **given,
        )
        return test.fixture

    @cached_property
    def _calibration(self) -> Calibration | None:
        """What `cpuperf calibrate` found on this machine."""
        cache = self._run.settings.cache_folder
        return None if cache is None else read_calibration(calibration_path(cache, self._run.machine.fingerprint))

    @cached_property
    def _live(self) -> LiveLine | None:
        """The live line where somebody watches: on a terminal, and not in CI, whose logs keep every version."""
        manager = self._run.config.pluginmanager
        terminal = manager.get_plugin("terminalreporter")
        if self._run.worker or terminal is None or os.environ.get("CI") or not getattr(terminal, "isatty", False):
            return None
        writer = terminal._tw
        captured = manager.get_plugin("capturemanager")
        return LiveLine(writer._file, writer.fullwidth, lambda: writer.width_of_current_line, captured)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Fail, skip or warn where a test passed and a measurement in it is inconclusive."""
        result = yield
        fixture = item.stash[TEST].fixture
        for record in fixture.records if fixture else ():
            if record.verdict is not Verdict.INCONCLUSIVE:
                continue
            record = printable(record)
            text = f"inconclusive: {record.label}: {sentence(record.reason) if record.reason else ''}"
            if self._run.settings.inconclusive == "fail":
                pytest.fail(f"{text}\n{explain_failure(record)}", pytrace=False)
            if self._run.settings.inconclusive == "skip":
                pytest.skip(text)
            path, line, _ = item.location
            place = str(item.config.rootpath / path)
            warnings.warn_explicit(InconclusiveWarning(f"{item.nodeid}: {text}"), None, place, (line or 0) + 1)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the test's record on its last report, as plain data, so that it travels from xdist's workers too."""
        report = yield
        test = item.stash.get(TEST, None)
        if test is None or isinstance(item, StaticItem):
            return report
        test.add(report)
        if report.skipped and isinstance(report.longrepr, tuple) and report.longrepr[2].startswith(_OUR_SKIPS):
            # pytest names the line that called skip, which is ours; the user's is the test's.
            path, line, _ = item.location
            report.longrepr = (str(item.config.rootpath / path), (line or 0) + 1, report.longrepr[2])
        if report.when == "teardown":
            worker = self._run.worker
            measured = test.fixture.records if test.fixture else []
            record = TestRecord(
                id=item.nodeid,
                outcome=test.outcome,
                placement=test.placement,
                measurements=tuple(measured),
                worker=worker.name if worker else None,
                line=(item.location[1] or 0) + 1,
                machine=self._run.machine.fingerprint if worker else None,
            )
            report.user_properties += [(f"cpuperf {m.label}", in_a_line(m)) for m in printable(measured)]
            report.cpuperf = to_json(record)  # type: ignore[attr-defined]
            if worker:
                report.cpuperf_machine = to_json(self._run.machine)  # type: ignore[attr-defined]
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the record off a report that has one. A test that ran again has the record of its last attempt."""
        written = getattr(report, "cpuperf", None)
        if written is not None:
            record = from_json(TestRecord, written)
            self._run.records[record.worker, record.id] = record
        if hasattr(report, "cpuperf_machine"):
            machine = from_json(Machine, report.cpuperf_machine)
            self._run.machines.setdefault(machine.fingerprint, machine)
