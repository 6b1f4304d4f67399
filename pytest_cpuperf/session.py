"""One `pytest --cpuperf` run: the only state the plugin has, kept in `config.stash`.

Tests come in through `placed`, `before`, `after` and `reported`, in the process that runs them; their records come
together through `gather` in the process that reports, which under xdist is another one.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest

from pytest_cpuperf import __version__, options
from pytest_cpuperf.against.other_side import OtherSide, Wanted, other_side
from pytest_cpuperf.against.worktree import Revision, find_revision
from pytest_cpuperf.config import Config
from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.fixture import CpuPerf
from pytest_cpuperf.items import StaticItem, static_items
from pytest_cpuperf.machine.fingerprint import describe_machine
from pytest_cpuperf.machine.limits import Limits, read_limits
from pytest_cpuperf.machine.memory import memory_elsewhere
from pytest_cpuperf.machine.pin import Pin, can_pin
from pytest_cpuperf.machine.placement import CannotPlaceError, Place, Request, place, usable_cpus
from pytest_cpuperf.machine.slots import Slot, Turns, divide
from pytest_cpuperf.machine.topology import Topology, read_topology
from pytest_cpuperf.reports.annotations import run_annotations
from pytest_cpuperf.reports.files import append_markdown, write_run
from pytest_cpuperf.reports.live import LiveLine
from pytest_cpuperf.reports.measurement import explain_failure, in_a_line
from pytest_cpuperf.reports.sentences import sentence
from pytest_cpuperf.reports.summary import headline, summary_lines
from pytest_cpuperf.results.codec import from_json, to_json
from pytest_cpuperf.results.figures import format_cpus
from pytest_cpuperf.results.findings import CheckResult
from pytest_cpuperf.results.machine import Machine
from pytest_cpuperf.results.placement import Placement
from pytest_cpuperf.results.remarks import Remark
from pytest_cpuperf.results.remarks.measuring import NoStoredRun, NotInStoredRun
from pytest_cpuperf.results.run import OtherRevision, RunResult, TestRecord
from pytest_cpuperf.results.stored import StoredFigure, StoredRun, read_run, stored_path, with_earlier_tests
from pytest_cpuperf.results.verdicts import Verdict

if TYPE_CHECKING:
    from pytest_cpuperf.marker import Marker


@dataclass
class _Test:
    """A test while it runs."""

    marker: Marker | None = None
    placement: Placement | None = None
    cannot_place: str | None = None
    no_other_side: str | None = None
    pin: Pin | None = None
    fixture: CpuPerf | None = None
    outcomes: dict[str, str] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        """pytest's word for how the test ended: what went wrong in any phase, else how its call ended."""
        if "failed" in self.outcomes.values():
            return "failed"
        return self.outcomes.get("call") or self.outcomes.get("setup", "passed")


_OUR_SKIPS = ("Skipped: cpuperf: ", "Skipped: inconclusive: ")
_TEST = pytest.StashKey[_Test]()


class InconclusiveWarning(UserWarning):
    """A measurement could not tell whether its budget is met (`--cpuperf-inconclusive warn`)."""


class Session:
    """What one run knows: configuration, machine, and the records so far."""

    def __init__(self, config: Config, pytest_config: pytest.Config) -> None:
        self.config = config
        self.topology: Topology = read_topology()
        self.limits: Limits = read_limits()
        # Read before any test is pinned: what is usable is part of it.
        self._machine: Machine = describe_machine()
        self._machines: dict[str, Machine] = {self._machine.fingerprint: self._machine}
        """This one, and those of xdist's workers that run elsewhere, by fingerprint."""
        self._results_path = options.output_path("json", config, pytest_config.invocation_params.dir)
        self._report_path = options.output_path("html", config, pytest_config.invocation_params.dir)
        self._pytest_config = pytest_config
        self._stored = self._compared_run()
        self._revision = self._other_revision()
        self._other_side: OtherSide | None = None
        self._no_other_side: str | None = None
        self._measured: tuple[str, ...] = ()
        self._collected: frozenset[str] = frozenset()
        self.records: list[TestRecord] = []
        self.static: CheckResult | None = None
        worker = getattr(pytest_config, "workerinput", None)
        self._workeroutput: dict[str, Any] | None = getattr(pytest_config, "workeroutput", None)
        self._worker: str | None = worker["workerid"] if worker else None
        given = worker.get("cpuperf") if worker else None
        self._slot = Slot(**given["slot"]) if given else None
        self._turns = Turns(Path(given["locks"])) if given else None
        self._slot_of: dict[str, int] = {}
        self._locks: TemporaryDirectory[str] | None = None
        self._written: list[str] = []

    def _compared_run(self) -> dict[str, StoredRun | None]:
        """Return the run that this one is held against. Raises pytest's UsageError where there is none."""
        name = self.config.compare
        try:
            if self.config.save is not None:
                self._stored_path(self.config.save)
            if name is None:
                return {}
            run = read_run(name, self._stored_path(name))
            if run is None:
                hint = f"pytest --cpuperf --cpuperf-save {name} makes one"
                raise UsageError(f"there is no stored run {name!r}: expected {self._stored_path(name)}", hint)
        except UsageError as error:
            raise options.usage_error(error) from None
        return {name: run}

    def _other_revision(self) -> Revision | None:
        """Return the revision that this run is held against. Raises pytest's UsageError where it cannot be."""
        if self.config.against is None:
            return None
        try:
            if options.runs_in_workers(self._pytest_config):
                raise UsageError("--cpuperf-against runs one side at a time, and xdist runs several tests", "add -n0")
            return find_revision(self.config.against, self._pytest_config.invocation_params.dir)
        except UsageError as error:
            raise options.usage_error(error) from None

    def header(self) -> list[str]:
        """Return the lines above the tests: which CPUs are ours, what bounds them, and what tests are held against."""
        ours = self.limits.within(self.topology)
        quota = "no quota" if self.limits.quota is None else f"quota {self.limits.quota:g}"
        usable = usable_cpus(self.topology, self.limits)
        lines = [
            f"cpuperf: {__version__}, {usable} usable of {len(self.topology.cpus)} CPUs ({format_cpus(ours.cpus)}), "
            f"{len(ours.cores)} cores, {quota}, pin: {self.config.pin}"
        ]
        if self._revision is not None:
            changed = self._revision.changed_files
            state = f"{changed} changed {'file' if changed == 1 else 'files'}" if changed else "as committed"
            against = f"{self._revision.name} ({self._revision.short})"
            lines.append(f"cpuperf: the working tree, {state}, against {against}")
        return lines

    def collected(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Put static findings first, and leave out what `--cpuperf-only` does not run."""
        self._collected = frozenset(i.nodeid for i in items)
        if self.config.only:
            kept = [i for i in items if _measured(i)]
            left_out = [i for i in items if i not in kept]
            items[:] = kept
            if left_out:
                session.config.hook.pytest_deselected(items=left_out)
        # A single test asked for by its id is what the user wants to see, and nothing else.
        if self.config.static and not any("::" in arg for arg in session.config.args):
            try:
                cpus = usable_cpus(self.topology, self.limits)
                self.static, found = static_items(session, self.config, cpus)
            except UsageError as error:
                raise options.usage_error(error) from None
            items[:0] = found

    def chosen(self, items: list[pytest.Item]) -> None:
        """Learn which tests will run, in order."""
        self._measured = tuple(i.nodeid for i in items if _measured(i))

    def _start_other_side(self) -> None:
        """Start the process that runs the tests at the other revision; once, for the first test that measures."""
        assert self._revision is not None
        config = self._pytest_config
        arguments, values = options.passed_on(config)
        wanted = Wanted(
            tests=self._measured,
            known=self._collected,
            paths=tuple(config.args),
            root=config.rootpath.resolve(),
            invocation=config.invocation_params.dir.resolve(),
            arguments=arguments,
            options=values,
        )
        # To the end of pytest's run, however it ends.
        stack = contextlib.ExitStack()
        config.add_cleanup(stack.close)
        try:
            self._other_side = stack.enter_context(other_side(self._revision, wanted))
        except UsageError as error:
            self._no_other_side = f"{error}" + (f"\n{error.hint}" if error.hint else "")

    @contextlib.contextmanager
    def placed(self, item: pytest.Item) -> Iterator[None]:
        """Pin the process for one test, from before its first fixture to after its last."""
        test = item.stash[_TEST] = _Test()
        if isinstance(item, StaticItem):
            yield
            return
        try:
            test.marker = options.marker(item)
        except pytest.fail.Exception:
            yield  # said again in `before`, where pytest turns it into the test's own error
            return
        measured = _measured(item)
        wanted = self.config.pin == "each" or (self.config.pin == "measured" and measured)
        try:
            chosen, slots = self._choose(test.marker.request)
        except CannotPlaceError as error:
            if wanted:
                test.cannot_place = str(error)
            yield
            return
        if self._revision is not None and measured and self._other_side is None and self._no_other_side is None:
            self._start_other_side()
        with self._turns.take(slots) if self._turns and measured else contextlib.nullcontext():
            try:
                self._pin(test, chosen, wanted)
                if measured:
                    test.no_other_side = self._no_other_side
                with self._beside(item, test) if measured else contextlib.nullcontext():
                    yield
            finally:
                if test.pin:
                    test.pin.restore()

    @contextlib.contextmanager
    def _beside(self, item: pytest.Item, test: _Test) -> Iterator[None]:
        """Run the test at the other revision beside this one, where one was asked for."""
        if self._other_side is None or test.placement is None:
            yield
            return
        self._other_side.begin(item.nodeid, test.placement)
        yield
        self._other_side.finish()

    def _choose(self, request: Request) -> tuple[Place, Iterable[int]]:
        """Return where a test runs, and the slots it must hold while it measures."""
        if self._slot is None:
            return place(self.topology, self.limits, request), ()
        part = f"part {self._slot.number + 1} of {self._slot.count} for this worker"
        try:
            chosen = place(self.topology, self._slot.limits, request)
            return replace(chosen, reason=f"{chosen.reason}, {part}"), (self._slot.number,)
        except CannotPlaceError:
            # More than a worker's part: it waits for all of them, and runs alone.
            chosen = place(self.topology, self.limits, request)
            return replace(chosen, reason=f"{chosen.reason}, more than a worker's part"), range(self._slot.count)

    def _pin(self, test: _Test, chosen: Place, wanted: bool) -> None:
        why_not = can_pin() if wanted else f"--cpuperf-pin {self.config.pin}"
        if why_not is None:
            try:
                test.pin = Pin.apply(chosen.cpus)
            except OSError as error:
                why_not = f"the kernel refused CPUs {format_cpus(chosen.cpus)}: {error.strerror}"
            else:
                strays = test.pin.strays()
                why_not = f"threads outside the placement: {', '.join(strays)}" if strays else None
        cpus = chosen.cpus if why_not is None else tuple(sorted(self.limits.allowed or self.topology.cpus))
        test.placement = Placement(cpus, why_not or chosen.reason, pinned=why_not is None)

    def before(self, item: pytest.Item) -> None:
        """Fail or skip the test, in its own setup, where it cannot be placed."""
        test = item.stash[_TEST]
        if test.marker is None and not isinstance(item, StaticItem):
            options.marker(item)
        if test.cannot_place:
            pytest.skip(f"cpuperf: {test.cannot_place}")
        if test.no_other_side:
            pytest.fail(f"cpuperf: {test.no_other_side}", pytrace=False)

    def fixture(self, item: pytest.Item) -> CpuPerf:
        """Return the fixture for a test."""
        test = item.stash[_TEST]
        patience: dict[str, Any] = {}
        if test.marker and test.marker.confidence is not None:
            patience["confidence"] = test.marker.confidence
        seconds = test.marker.max_seconds if test.marker else None
        test.fixture = CpuPerf(
            placement=test.placement,
            max_seconds=seconds or self.config.max_seconds,
            explain=explain_failure,
            stored=partial(self._stored_figure, item.nodeid),
            compared=self.config.compare,
            against=self._other_side,
            live=self._live,
            **patience,
        )
        return test.fixture

    @cached_property
    def _live(self) -> LiveLine | None:
        """The live line where somebody watches: on a terminal, and not in CI, whose logs keep every version."""
        manager = self._pytest_config.pluginmanager
        terminal = manager.get_plugin("terminalreporter")
        if self._worker or terminal is None or os.environ.get("CI") or not getattr(terminal, "isatty", False):
            return None
        writer = terminal._tw
        captured = manager.get_plugin("capturemanager")
        return LiveLine(writer._file, writer.fullwidth, lambda: writer.width_of_current_line, captured)

    def _stored_figure(self, test_id: str, name: str, label: str) -> StoredFigure | Remark:
        """Return what a test reached in a stored run, or why there is nothing."""
        path = self._stored_path(name)
        if name not in self._stored:
            self._stored[name] = read_run(name, path)
        run = self._stored[name]
        if run is None:
            return NoStoredRun(name, str(path))
        figure = run.figure(test_id, label)
        if figure is None:
            return NotInStoredRun(name, label)
        return replace(figure, other_machine=run.other_machine(self._machine))

    def _stored_path(self, name: str) -> Path:
        return stored_path(name, self.config.cache_folder, self.config.root, self._pytest_config.invocation_params.dir)

    def after(self, item: pytest.Item) -> None:
        """Fail, skip or warn where a test passed and a measurement in it is inconclusive."""
        test = item.stash[_TEST]
        for record in test.fixture.records if test.fixture else ():
            if record.verdict is Verdict.INCONCLUSIVE:
                text = f"inconclusive: {record.label}: {sentence(record.reason) if record.reason else ''}"
                if self.config.inconclusive == "fail":
                    pytest.fail(f"{text}\n{explain_failure(record)}", pytrace=False)
                if self.config.inconclusive == "skip":
                    pytest.skip(text)
                path, line, _ = item.location
                place = str(item.config.rootpath / path)
                warnings.warn_explicit(InconclusiveWarning(f"{item.nodeid}: {text}"), None, place, (line or 0) + 1)

    def reported(self, item: pytest.Item, report: pytest.TestReport) -> None:
        """Look at the threads when the call ends, and put the record on the last report."""
        test = item.stash.get(_TEST, None)
        if test is None or isinstance(item, StaticItem):
            return
        test.outcomes[report.when] = report.outcome
        if report.skipped and isinstance(report.longrepr, tuple) and report.longrepr[2].startswith(_OUR_SKIPS):
            # pytest names the line that called skip, which is ours; the user's is the test's.
            path, line, _ = item.location
            report.longrepr = (str(item.config.rootpath / path), (line or 0) + 1, report.longrepr[2])
        if report.when == "call" and test.pin and test.placement:
            elsewhere = memory_elsewhere(self.topology, test.placement.cpus)
            test.placement = replace(test.placement, strays=test.pin.strays(), memory_elsewhere=elsewhere)
        if report.when == "teardown":
            measured = test.fixture.records if test.fixture else []
            record = TestRecord(
                id=item.nodeid,
                outcome=test.outcome,
                placement=test.placement,
                measurements=tuple(measured),
                worker=self._worker,
                line=(item.location[1] or 0) + 1,
                machine=self._machine.fingerprint if self._worker else None,
            )
            report.user_properties += [(f"cpuperf {m.label}", in_a_line(m)) for m in measured]
            report.cpuperf = to_json(record)  # type: ignore[attr-defined]
            if self._worker:
                report.cpuperf_machine = to_json(self._machine)  # type: ignore[attr-defined]

    def gather(self, report: pytest.TestReport) -> None:
        """Take the record off a report that has one."""
        plain = getattr(report, "cpuperf", None)
        if plain is not None:
            self.records.append(from_json(TestRecord, plain))
        if hasattr(report, "cpuperf_machine"):
            machine = from_json(Machine, report.cpuperf_machine)
            self._machines.setdefault(machine.fingerprint, machine)

    def worker_starts(self, node: Any) -> None:
        """Give an xdist worker on this machine its slot; one that replaces a dead worker gets that one's."""
        if not node.gateway.spec.popen:
            return  # another machine, which it knows better
        slots = divide(self.topology, self.limits, int(node.workerinput["workercount"]))
        if not slots:
            return
        if self._locks is None:
            self._locks = TemporaryDirectory(prefix="cpuperf-")
        taken = Counter(self._slot_of.values())
        slot = min(slots, key=lambda s: taken[s.number])
        self._slot_of[node.gateway.id] = slot.number
        node.workerinput["cpuperf"] = {"slot": asdict(slot), "locks": self._locks.name}

    def worker_ends(self, node: Any) -> None:
        """Take over what a worker left, the static checks' result among it: every worker has the same."""
        self._slot_of.pop(node.gateway.id, None)
        static = getattr(node, "workeroutput", {}).get("cpuperf_static")
        if self.static is None and static is not None:
            self.static = from_json(CheckResult, static)

    def finish(self, session: pytest.Session) -> None:
        """Hand the worker's results on, or write the file that was asked for."""
        if self._locks is not None:
            self._locks.cleanup()
        if self._workeroutput is not None:
            self._workeroutput["cpuperf_static"] = to_json(self.static)
            return
        if self._results_path is not None:
            self._write(session, self._results_path, partial(write_run, suffix=".json"), "results")
        if self._report_path is not None:
            self._write(session, self._report_path, partial(write_run, suffix=".html"), "report")
        if os.environ.get("GITHUB_STEP_SUMMARY"):
            self._write(session, Path(os.environ["GITHUB_STEP_SUMMARY"]), append_markdown, "step summary")
        if self.config.save is not None:
            self._write(session, self._stored_path(self.config.save), _store, "stored")

    def _write(self, session: pytest.Session, path: Path, write: Callable[[Path, RunResult], None], what: str) -> None:
        if session.exitstatus == pytest.ExitCode.INTERRUPTED:
            self._written.append(f"{path} was not written: the run was interrupted")
            return
        try:
            write(path, self.result())
            self._written.append(f"{what}: {path}")
        except UsageError as error:
            self._written.append(str(error))
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def result(self) -> RunResult:
        """Return the run as a record."""
        return RunResult(
            version=__version__,
            machine=self._machine,
            machines=self._machines,
            static=self.static,
            against=self._against(),
            tests=tuple(self.records),
        )

    def _against(self) -> OtherRevision | None:
        if self._revision is None:
            return None
        only_there = self._other_side.only_there if self._other_side else ()
        revision = self._revision
        return OtherRevision(revision.name, revision.commit, revision.changed_files, tuple(only_there))

    def summarise(self, terminal: Any) -> None:
        """Write the summary at the end of the run."""
        result = self.result()
        lines = summary_lines(result, terminal._tw.fullwidth, verbose=self._pytest_config.option.verbose > 0)
        terminal.section(headline(result.machine), sep="=")
        for text, markup in lines:
            terminal.write_line(text, **dict.fromkeys(markup, True))
        for line in self._written:
            terminal.write_line(line)
        if os.environ.get("GITHUB_ACTIONS") == "true":
            terminal.write(run_annotations(result))


def _store(path: Path, run: RunResult) -> None:
    write_run(path, with_earlier_tests(path, run), ".json")


def _measured(item: pytest.Item) -> bool:
    return "cpuperf" in getattr(item, "fixturenames", ())
