"""The other side's process: pytest at the revision, which runs tests and times blocks when asked.

Run as `python -m pytest_cpuperf.run.other_side.child`, with a JSON object a line on standard input (requests) and
output (replies):

    first line in: {"arguments": […], "options": {…}, "foreign": folder, "own": folder, "affinity": [CPUs] or null}
    first out:     {"tests": [measured ids that are here], "errors": {path: message}}
    {"do": "run", "test": id, "placement": {…}}  →  {"at": label, "strays": […]}  or  {"ended": outcome, "why": …}
    {"do": "block", "calls": n, "within": s}     →  {"seconds": s}, null where it was cut,  or  {"raised": message}
    {"do": "counters"}                           →  {"counters": […]}
    {"do": "speed", "seconds": s}                →  {"speed": {…}}  or  {"cannot": why, "again": whether it may later}
    {"do": "remarks"}                            →  {"remarks": [on what was timed since the last time, …]}
    {"do": "on"}                                 →  as for run
    end of input: the process ends
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, astuple
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import pytest

from pytest_cpuperf.clock import now, sleep
from pytest_cpuperf.fixture import CpuPerf
from pytest_cpuperf.machine.evidence import read_process
from pytest_cpuperf.machine.pin import Pin, start_on
from pytest_cpuperf.machine.topology import read_topology
from pytest_cpuperf.measure.blocks import DisturbedWorkError, TimeOverError, Work, garbage_between_blocks, time_block
from pytest_cpuperf.measure.processes import speed_in_this_process
from pytest_cpuperf.measure.tracing import TracedThreads, call_untraced, remarks_on_tracing
from pytest_cpuperf.results.codec import to_json
from pytest_cpuperf.results.placement import Placement
from pytest_cpuperf.results.remarks import Remark
from pytest_cpuperf.run.other_side.memory import HeldMemory
from pytest_cpuperf.run.surroundings import Surroundings
from pytest_cpuperf.settings.pytest_options import OTHER_SIDE

_GRACE_SECONDS = 5.0


class _Over(BaseException):
    """The process that asks is gone."""


class OtherSidePlugin:
    """A pytest plugin that runs tests as they are asked for."""

    def __init__(self, requests: TextIO, replies: TextIO, given: dict[str, Any], held: HeldMemory) -> None:
        self.__name__ = OTHER_SIDE  # what pytest registers it as, so that the fixture finds it
        self._requests = requests
        self._replies = replies
        self._given = given
        self._held = held
        self._placement: Placement | None = None
        self._pin: Pin | None = None
        self._errors: dict[str, str] = {}
        self._ended: tuple[str, str] = ("passed", "")

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Take over the options that the project's own conftest declares."""
        for name, value in self._given["options"].items():
            if hasattr(config.option, name):
                setattr(config.option, name, value)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remember which files could not be imported, and why."""
        if report.failed:
            self._errors[report.nodeid] = _last_error(report.longreprtext)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run tests as they are asked for."""
        here = {i.nodeid: i for i in session.items if "cpuperf" in getattr(i, "fixturenames", ())}
        self._tell(tests=list(here), errors=self._errors)
        try:
            while True:
                request = self._next_request()
                self._run(here[request["test"]], request["placement"])
        except _Over:
            return True

    def _run(self, item: pytest.Item, placement: dict[str, Any]) -> None:
        self._ended = ("passed", "")
        self._placement = Placement(tuple(placement["cpus"]), placement["reason"], placement["pinned"])
        self._pin = Pin.apply(self._placement.cpus) if self._placement.pinned else None
        try:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        finally:
            if self._pin is not None:
                self._pin.restore()
        self._tell(ended=self._ended[0], why=self._ended[1])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember how the test ended."""
        if report.failed:
            self._ended = ("failed", _last_error(report.longreprtext))
        elif report.skipped and self._ended[0] == "passed":
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
            self._ended = ("skipped", str(reason).removeprefix("Skipped: "))

    def fixture(self, item: pytest.Item) -> CpuPerf:
        """Return the fixture for a test: its measured functions are timed from outside."""
        return CpuPerf(placement=self._placement, serve=self._serve)

    def _serve(self, label: str, function: Work) -> None:
        """Time blocks of a function for as long as they are asked for, without a tracer."""
        threads = TracedThreads()
        surroundings = Surroundings(self._pin, read_topology()) if self._pin is not None else None

        def remarks() -> list[Remark]:
            outside = surroundings.after_measurement() if surroundings is not None else []
            return [*outside, *remarks_on_tracing(threads)]

        call_untraced(partial(self._time_blocks, label, function, remarks))

    def _time_blocks(self, label: str, function: Work, remarks: Callable[[], list[Remark]]) -> None:
        with garbage_between_blocks() as collect_garbage:
            self._tell(at=label, strays=self._strays())
            while True:
                request = self._next_request()
                if request["do"] == "on":
                    return
                if request["do"] == "counters":
                    self._tell(counters=astuple(read_process()))
                    continue
                if request["do"] == "remarks":
                    self._tell(remarks=[to_json(remark) for remark in remarks()])
                    continue
                if request["do"] == "speed":
                    self._tell(**self._speed(function, request["seconds"]))
                    continue
                collect_garbage()
                self._held.draw()
                try:
                    if self._placement is not None:
                        start_on(self._placement.cpus[0])
                    seconds = time_block(function, request["calls"], now() + request["within"])
                except TimeOverError:
                    self._tell(seconds=None)
                except BaseException as error:  # SystemExit and pytest's outcomes too: whoever asks waits for an answer
                    self._tell(raised=f"{type(error).__name__}: {error}")
                else:
                    self._tell(seconds=seconds)

    def _speed(self, function: Work, seconds: float) -> dict[str, Any]:
        """Measure a function against the reference kernel here."""
        cpus = self._placement.cpus if self._placement is not None else ()
        try:
            return {"speed": asdict(speed_in_this_process(function, seconds, cpus))}
        except (DisturbedWorkError, TimeOverError) as error:
            return {"cannot": str(error), "again": isinstance(error, DisturbedWorkError)}
        except BaseException as error:  # as for a block
            return {"raised": f"{type(error).__name__}: {error}"}

    def _strays(self) -> list[str]:
        return foreign_modules(Path(self._given["foreign"]), Path(self._given["own"]))

    def _next_request(self) -> dict[str, Any]:
        line = self._requests.readline()
        if not line:
            raise _Over
        request: dict[str, Any] = json.loads(line)
        return request

    def _tell(self, **reply: Any) -> None:
        try:
            self._replies.write(json.dumps(reply) + "\n")
            self._replies.flush()
        except BrokenPipeError:
            raise _Over from None


def foreign_modules(foreign: Path, own: Path) -> list[str]:
    """Return the modules loaded from the `foreign` tree and not from the `own`, which was to be measured.

    Either may be inside the other: a revision is checked out in a temporary folder, which may be in the working tree.
    Packages installed in an environment inside it are not meant.
    """
    inner = foreign in own.parents
    prefixes = {Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()}
    found = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or name.split(".")[0] == "pytest_cpuperf":
            continue
        path = Path(file).resolve()
        if inner and own in path.parents:
            continue
        if foreign in path.parents and "site-packages" not in path.parts and not prefixes & set(path.parents):
            found.append(f"{name} ({path})")
    return found


def _last_error(text: str) -> str:
    """Return what a traceback as pytest prints it says at its end."""
    lines = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    return (lines or text.strip().splitlines() or ["no reason was given"])[-1]


def _end_with_parent(pipe: int) -> None:
    """Have this process and those it started end when the one that asks has, though a call takes for ever.

    That process holds the other end of the pipe. If it only closes it, this one may still end by itself.
    """
    if not hasattr(select, "poll") or os.getpgrp() != os.getpid():
        return  # on Windows, and where it was not started as a group of its own
    hang_up = select.poll()
    hang_up.register(pipe, 0)

    def watch() -> None:
        hang_up.poll()
        sleep(_GRACE_SECONDS)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="cpuperf-parent", daemon=True).start()


def main() -> int:
    """Serve until standard input ends. What tests print goes to standard error."""
    # Tests may read and write standard streams: the conversation goes on over copies that they do not know.
    requests = os.fdopen(os.dup(0), "r", encoding="utf-8")
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    # `-m` puts the current folder first; a `pytest` command does not.
    sys.path.pop(0)
    _end_with_parent(requests.fileno())
    given = json.loads(requests.readline())
    if given["affinity"] is not None:
        os.sched_setaffinity(0, given["affinity"])
    held = HeldMemory()
    held.draw()
    return int(pytest.main(given["arguments"], plugins=[OtherSidePlugin(requests, replies, given, held)]))


if __name__ == "__main__":
    sys.exit(main())
