"""This process's hold on one that runs tests in some tree: starts it, asks it, and puts it away."""

from __future__ import annotations

import contextlib
import json
import math
import os
import queue
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pytest_cpuperf.clock import now
from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.machine.evidence import ProcessCounters
from pytest_cpuperf.measure.blocks import (
    DisturbedWorkError,
    NoSuchWorkError,
    SelfTimedWork,
    TimeOverError,
    WorkElsewhereError,
)
from pytest_cpuperf.results.codec import from_json
from pytest_cpuperf.results.measurements import ProcessSpeed
from pytest_cpuperf.results.placement import Placement
from pytest_cpuperf.results.remarks import Remark
from pytest_cpuperf.run.other_side.waiting import wait_for
from pytest_cpuperf.run.other_side.wanted import Wanted

# Importing torch and loading a model on a busy machine takes minutes at worst; a test that hangs takes for ever.
_MOST_SECONDS = 600.0
_GRACE_SECONDS = 5.0


@dataclass(frozen=True)
class Start:
    """What all processes begin with alike: as this one was before its first test was placed."""

    environment: Mapping[str, str]
    affinity: tuple[int, ...] | None

    @classmethod
    def here(cls) -> Start:
        """Return what processes that this one starts now would begin with."""
        affinity = tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else None
        return cls(dict(os.environ), affinity)

    def with_hash_seed(self) -> Start:
        """Return the same with a hash seed of its own, unless the user has chosen one."""
        if self.environment.get("PYTHONHASHSEED", "random") != "random":
            return self
        return replace(self, environment={**self.environment, "PYTHONHASHSEED": str(secrets.randbelow(2**32))})


@dataclass(frozen=True)
class Tree:
    """A tree of the project's files, and what its processes are called in messages."""

    name: str
    folder: Path
    foreign: Path
    """The other tree: nothing may be imported from it."""
    top: Path
    """The working tree's top folder, whose places `folder` has too."""
    log: Path
    """Where its processes print."""


class SilentError(WorkElsewhereError):
    """The other process does not answer in time."""


class Side:
    """This run's tests in some tree, in a process that runs only while it is asked for something."""

    def __init__(self, tree: Tree, wanted: Wanted, start: Start) -> None:
        """Launch it; `collect` waits for it.

        Raises UsageError where it cannot be started, or the tree lacks the folder in which pytest runs.
        """
        self.name = tree.name
        self._tree = tree
        self._errors: dict[str, str] = {}
        self._test = ""
        self._state: dict[str, Any] | None = {"ended": "passed", "why": ""}
        """What the test does there; None until its answer is read."""
        try:
            self._launch(wanted, start)
        except OSError as error:
            raise UsageError(f"the tests at {self.name} cannot be started: {error.strerror or error}") from None

    def _launch(self, wanted: Wanted, start: Start) -> None:
        tree = self._tree
        invocation = tree.folder / wanted.invocation.relative_to(tree.top)
        if not invocation.is_dir():
            raise UsageError(f"{self.name} has no folder {invocation.relative_to(tree.folder)}, in which pytest runs")
        search = [*_search_path(tree.top, tree.folder), *filter(None, [start.environment.get("PYTHONPATH")])]
        with tree.log.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pytest_cpuperf.run.other_side.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                encoding="utf-8",
                cwd=invocation,
                env={**start.environment, "PYTHONPATH": os.pathsep.join(search)},
                start_new_session=True,  # Ctrl-C is for this process, which then ends that one
            )
        self._replies: queue.Queue[str | None] = queue.Queue()
        assert self._process.stdout is not None
        lines, replies = self._process.stdout, self._replies
        threading.Thread(target=_read, args=(lines, replies), name="cpuperf-other-side", daemon=True).start()
        self._send(
            arguments=_arguments(wanted, tree.top, tree.folder),
            options=wanted.options,
            foreign=str(tree.foreign),
            own=str(tree.folder),
            affinity=start.affinity,
        )

    def collect(self) -> tuple[tuple[str, ...], dict[str, str]]:
        """Return the measured tests that are there, and what could not be imported, by path.

        Raises WorkElsewhereError where pytest cannot collect there.
        """
        reply = self._receive()
        return tuple(reply["tests"]), reply["errors"]

    def begin(self, test: str, placement: Placement) -> None:
        """Have a test run there up to its first measured function, or to its end."""
        self._test = test
        self._state = None
        self._send(do="run", test=test, placement=asdict(placement))

    def work(self, label: str) -> SelfTimedWork:
        """Return the function that the test measures there under a label.

        Raises NoSuchWorkError where the test has no such function, WorkElsewhereError where it fails.
        """
        name, state = self.name, self._answer()
        while "at" in state and state["at"] != label:
            self._send(do="on")
            self._state = None
            state = self._answer()
        if "at" not in state:
            outcome, why = state["ended"], state["why"]
            if outcome == "passed":
                raise NoSuchWorkError(f"the test at {name} does not measure {label!r}: nothing to hold it against")
            raise WorkElsewhereError(f"at {name} the test {outcome} before it measured {label!r}: {why}")
        if state["strays"]:
            raise WorkElsewhereError(
                f"at {name} modules were imported from {self._tree.foreign}, so that its own code was not measured: "
                f"{', '.join(state['strays'][:3])}"
            )
        return _Remote(self)

    def speed(self, label: str, seconds: float) -> ProcessSpeed:
        """Return the speed of a function against the reference kernel, measured there. Raises as `work` does."""
        self.work(label)
        return ProcessSpeed(**self.ask("speed", do="speed", seconds=seconds))

    def _answer(self) -> dict[str, Any]:
        """Return what the test does there, once it says so."""
        if self._state is None:
            try:
                self._state = self._receive()
            except WorkElsewhereError as error:
                self._state = {"ended": "ended", "why": str(error)}
        return self._state

    def ask(self, wanted: str, most_seconds: float = _MOST_SECONDS, **request: Any) -> Any:
        """Return what is wanted of the answer to a request.

        Raises SilentError where there is no answer within so many seconds, WorkElsewhereError where there is another.
        """
        self._send(**request)
        reply = self._receive(most_seconds)
        if wanted in reply:
            return reply[wanted]
        if "cannot" in reply:
            raise (DisturbedWorkError if reply["again"] else WorkElsewhereError)(reply["cannot"])
        if "raised" in reply:
            raise WorkElsewhereError(f"at {self.name} the function raised {reply['raised']}")
        ended, why = reply.get("ended", "ended"), reply.get("why", "no reason was given")
        raise WorkElsewhereError(f"at {self.name} the test {ended} while its function was timed: {why}")

    def close(self) -> None:
        """End the process and those it started."""
        with contextlib.suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()
        try:
            wait_for(self._process, _GRACE_SECONDS)
        finally:
            self._process.kill()
            if hasattr(os, "killpg"):
                with contextlib.suppress(OSError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _send(self, **request: Any) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it is gone: the answer that does not come says so
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()

    def _receive(self, most_seconds: float = _MOST_SECONDS) -> dict[str, Any]:
        until = now() + most_seconds
        while (line := self._next_line(until)) == "":
            if now() >= until:
                self._process.kill()
                raise SilentError(f"the process at {self.name} is silent for {most_seconds:g} s")
            if self._process.poll() is not None:  # a process that it started may hold its pipe
                self._replies.put(None)
        if line is None:
            self._replies.put(None)  # for whoever asks next
            self._process.wait()
            raise WorkElsewhereError(f"pytest ended there with {self._process.returncode}: {self._last_words()}")
        reply: dict[str, Any] = json.loads(line)
        return reply

    def _next_line(self, until: float) -> str | None:
        """Return the next line, None at the end of all, and nothing where it does not come for a second."""
        try:
            return self._replies.get(timeout=max(0.0, min(1.0, until - now())))
        except queue.Empty:
            return ""

    def _last_words(self) -> str:
        """Return what pytest printed last that tells why: an error's line, else the last one."""
        lines = [line.strip() for line in self._tree.log.read_text(errors="replace").splitlines() if line.strip()]
        errors = [line.lstrip("E ") for line in lines if line.startswith(("E ", "ERROR", "Error"))]
        return (errors or lines or ["it printed nothing"])[-1]


def _read(lines: Iterable[str], replies: queue.Queue[str | None]) -> None:
    for line in lines:
        replies.put(line)
    replies.put(None)


class _Remote(SelfTimedWork):
    """A function in the process of a side."""

    def __init__(self, side: Side) -> None:
        self._side = side

    def time_block(self, calls: int, until: float = math.inf) -> float:
        began = now()
        # The process cuts the block by itself between two calls; one that hangs in a call is not waited for.
        within = max(0.0, min(until - began, _MOST_SECONDS))
        try:
            seconds = self._side.ask("seconds", within + _GRACE_SECONDS, do="block", calls=calls, within=within)
        except SilentError:
            seconds = None
        if seconds is None:
            raise TimeOverError(calls, now() - began)
        return float(seconds)

    def counters(self) -> ProcessCounters:
        return ProcessCounters(*self._side.ask("counters", do="counters"))

    def remarks(self) -> tuple[Remark, ...]:
        return tuple(from_json(Remark, remark) for remark in self._side.ask("remarks", do="remarks"))


def _arguments(wanted: Wanted, top: Path, tree: Path) -> list[str]:
    """Return pytest's arguments for the other side: the same paths in the other tree, as far as they are there."""
    root = tree / wanted.root.relative_to(top)
    paths = []
    for path in wanted.paths:
        # An id that is not there would end the run: the file is collected, and tests are chosen by their ids.
        file = (wanted.invocation / path.split("::")[0]).resolve()
        there = tree / file.relative_to(top) if file.is_relative_to(top) else None
        if there is not None and there.exists() and str(there) not in paths:
            paths.append(str(there))
    quiet = ["-p", "no:cacheprovider", "--continue-on-collection-errors", f"--rootdir={root}"]
    return [*wanted.arguments, *quiet, *(paths or [str(root)])]


def _search_path(top: Path, tree: Path) -> list[str]:
    """Return where modules of the other tree are found: as those of this one are, whatever installed them here."""
    folders = [Path(entry or os.curdir).resolve() for entry in sys.path]
    for name, module in list(sys.modules.items()):
        # Editable installs may map packages by finders of their own, which no path entry shows.
        file = getattr(module, "__file__", None)
        if "." not in name and isinstance(file, str) and name != "conftest" and not name.startswith("test_"):
            path = Path(file).resolve()
            folders.append(path.parent.parent if path.stem == "__init__" else path.parent)
    found: list[str] = []
    for folder in folders:
        if folder.is_relative_to(top):
            there = str(tree / folder.relative_to(top))
            if os.path.isdir(there) and there not in found:
                found.append(there)
    return found
