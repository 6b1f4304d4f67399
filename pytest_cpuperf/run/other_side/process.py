"""This process's hold on the other side: starts it, asks it, and puts it away."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.machine.evidence import ProcessCounters
from pytest_cpuperf.measure.blocks import NoSuchWorkError, SelfTimedWork, WorkElsewhereError
from pytest_cpuperf.results.placement import Placement
from pytest_cpuperf.run.other_side.worktree import Revision, checked_out

# Importing torch and loading a model on a busy machine takes minutes at worst; a test that hangs takes for ever.
_MOST_SECONDS = 600.0
_GRACE_SECONDS = 5.0


@dataclass(frozen=True)
class Wanted:
    """What the other side runs: this run's tests, in its order, called in the same way."""

    tests: tuple[str, ...]
    """Ids of the measured tests, in order."""
    known: frozenset[str]
    """Ids of all tests of this side, those not chosen among them."""
    paths: tuple[str, ...]
    """What pytest was given to collect, ids among them."""
    root: Path
    invocation: Path
    arguments: tuple[str, ...]
    """Further arguments that the other side is called with too."""
    options: Mapping[str, Any]
    """Values of the options that the project's own conftest files declare."""


class Side:
    """This run's tests in some tree, in a process that runs only while it is asked for something."""

    def __init__(self, name: str, tree: Path, foreign: Path, top: Path, wanted: Wanted, log: Path) -> None:
        """Start it. `top` is the working tree's top folder, whose places `tree` has too; nothing may be imported from
        `foreign`. Raises UsageError where pytest cannot collect there.
        """
        self.name = name
        self.tests: tuple[str, ...] = ()
        """Measured tests that are there."""
        self._tree = tree
        self._foreign = foreign
        self._top = top
        self._wanted = wanted
        self._log = log
        self._errors: dict[str, str] = {}
        self._test = ""
        self._state: dict[str, Any] = {"ended": "passed", "why": ""}
        self._start()

    def _start(self) -> None:
        """Launch the process, and wait until it has collected its tests. Raises UsageError where it cannot."""
        invocation = self._tree / self._wanted.invocation.relative_to(self._top)
        if not invocation.is_dir():
            raise UsageError(f"{self.name} has no folder {invocation.relative_to(self._tree)}, in which pytest runs")
        search = [*_search_path(self._top, self._tree), *filter(None, [os.environ.get("PYTHONPATH")])]
        with self._log.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pytest_cpuperf.run.other_side.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                encoding="utf-8",
                cwd=invocation,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(search)},
                start_new_session=True,  # Ctrl-C is for this process, which then ends that one
            )
        self._replies: queue.Queue[str | None] = queue.Queue()
        assert self._process.stdout is not None
        lines, replies = self._process.stdout, self._replies
        threading.Thread(target=_read, args=(lines, replies), name="cpuperf-other-side", daemon=True).start()
        arguments = _arguments(self._wanted, self._top, self._tree)
        self._send(
            arguments=arguments, tests=self._wanted.tests, options=self._wanted.options, foreign=str(self._foreign)
        )
        try:
            reply = self._receive()
        except WorkElsewhereError as error:
            self.close()
            raise UsageError(f"the tests cannot be run at {self.name}: {error}") from None
        except BaseException:
            self.close()
            raise
        self.tests, self._errors = tuple(reply["tests"]), reply["errors"]

    def restart(self, test: str, placement: Placement) -> None:
        """Begin a test in a fresh process. Raises WorkElsewhereError where that cannot be had."""
        self.close()
        try:
            self._start()
        except UsageError as error:
            raise WorkElsewhereError(str(error)) from None
        self.begin(test, placement)

    def begin(self, test: str, placement: Placement) -> None:
        """Run a test there up to its first measured function, or to its end."""
        self._test = test
        self._state = {}
        if test in self.tests:
            self._advance(do="run", test=test, placement=asdict(placement))

    def work(self, label: str) -> SelfTimedWork:
        """Return the function that the test measures there under a label.

        Raises NoSuchWorkError where the revision has no such test or function, WorkElsewhereError where its test fails.
        """
        name = self.name
        if self._test not in self.tests:
            path = self._test.split("::")[0]
            if path in self._errors:
                raise WorkElsewhereError(f"at {name} {path} cannot be imported: {self._errors[path]}")
            raise NoSuchWorkError(f"this test is not at {name}: there is nothing to hold it against")
        while "at" in self._state and self._state["at"] != label:
            self._advance(do="on")
        if "at" not in self._state:
            outcome, why = self._state["ended"], self._state["why"]
            if outcome == "passed":
                raise NoSuchWorkError(f"the test at {name} does not measure {label!r}: nothing to hold it against")
            raise WorkElsewhereError(f"at {name} the test {outcome} before it measured {label!r}: {why}")
        if self._state["strays"]:
            raise WorkElsewhereError(
                f"at {name} modules were imported from {self._foreign}, so that its own code was not measured: "
                f"{', '.join(self._state['strays'][:3])}"
            )
        return _Remote(self)

    def finish(self) -> None:
        """Let the test there run to its end."""
        while "at" in self._state:
            self._advance(do="on")

    def ask(self, **request: Any) -> dict[str, Any]:
        """Return the answer to a request. Raises WorkElsewhereError where there is none."""
        self._send(**request)
        reply = self._receive()
        if "raised" in reply:
            raise WorkElsewhereError(f"at {self.name} the function raised {reply['raised']}")
        return reply

    def close(self) -> None:
        """End the process and those it started."""
        with contextlib.suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()
        try:
            self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        finally:
            if hasattr(os, "killpg"):
                with contextlib.suppress(OSError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _advance(self, **request: Any) -> None:
        try:
            self._state = self.ask(**request)
        except WorkElsewhereError as error:
            self._state = {"ended": "ended", "why": str(error)}

    def _send(self, **request: Any) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it is gone: the answer that does not come says so
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        try:
            line = self._replies.get(timeout=_MOST_SECONDS)
        except queue.Empty:
            raise WorkElsewhereError(f"the process at {self.name} is silent for {_MOST_SECONDS:g} s") from None
        if line is None:
            self._replies.put(None)  # for whoever asks next
            self._process.wait()
            raise WorkElsewhereError(f"pytest ended there with {self._process.returncode}: {self._last_words()}")
        reply: dict[str, Any] = json.loads(line)
        return reply

    def _last_words(self) -> str:
        """Return what pytest printed last that tells why: an error's line, else the last one."""
        lines = [line.strip() for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
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

    def time_block(self, calls: int) -> float:
        return float(self._side.ask(do="block", calls=calls)["seconds"])

    def counters(self) -> ProcessCounters:
        return ProcessCounters(*self._side.ask(do="counters")["counters"])


class OtherSide:
    """The same tests at a revision, and where they seem slower here, both trees' in fresh processes."""

    def __init__(self, revision: Revision, wanted: Wanted, folder: Path) -> None:
        """Start the revision's process in `folder`, which holds its tree. Raises UsageError where it cannot run."""
        self.name = revision.name
        self._revision = revision
        self._wanted = wanted
        self._folder = folder
        self._there = Side(revision.name, folder / "tree", revision.top, revision.top, wanted, folder / "there.txt")
        self._here: Side | None = None
        self._begun: tuple[str, Placement] | None = None

    @property
    def only_there(self) -> tuple[str, ...]:
        """Measured tests that the revision has and this side has not; empty where single tests were asked for."""
        if any("::" in path for path in self._wanted.paths):
            return ()
        return tuple(t for t in self._there.tests if t not in self._wanted.known)

    def begin(self, test: str, placement: Placement) -> None:
        """Run a test there up to its first measured function, or to its end."""
        self._begun = test, placement
        self._there.begin(test, placement)

    def work(self, label: str) -> SelfTimedWork:
        """Return the function that the test measures there under a label. Raises WorkElsewhereError."""
        return self._there.work(label)

    def fresh(self, label: str) -> tuple[SelfTimedWork, SelfTimedWork]:
        """Return the function of this tree and of the revision, each in a process of its own that has just begun.

        Raises WorkElsewhereError where one cannot be had.
        """
        assert self._begun is not None
        if self._here is None:
            top, log = self._revision.top, self._folder / "here.txt"
            try:
                self._here = Side("the working tree", top, self._folder / "tree", top, self._wanted, log)
            except UsageError as error:
                raise WorkElsewhereError(str(error)) from None
            self._here.begin(*self._begun)
        else:
            self._here.restart(*self._begun)
        self._there.restart(*self._begun)
        return self._here.work(label), self._there.work(label)

    def finish(self) -> None:
        """Let the test run to its end there."""
        for side in (self._here, self._there):
            if side is not None:
                side.finish()

    def close(self) -> None:
        """End the processes and those they started."""
        for side in (self._here, self._there):
            if side is not None:
                side.close()


@contextlib.contextmanager
def other_side(revision: Revision, wanted: Wanted) -> Iterator[OtherSide]:
    """Yield the other side, ready to be asked; its processes and its tree are gone afterwards.

    Raises UsageError where the revision cannot be checked out, or pytest cannot collect there.
    """
    installed = _installed_copies(revision.top)
    if installed:
        raise UsageError(
            f"{installed[0]} is not imported from this repository: both sides would run the same code",
            "pip install -e . in the repository",
        )
    for what, outside in (("rootdir", wanted.root), ("the folder pytest runs in", wanted.invocation)):
        if not outside.is_relative_to(revision.top):
            raise UsageError(f"{what} is expected inside the repository {revision.top}, found {outside}")
    with checked_out(revision) as folder:
        side = OtherSide(revision, wanted, folder)
        try:
            yield side
        finally:
            side.close()


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


def _installed_copies(top: Path) -> list[str]:
    """Return packages of this repository that were imported from elsewhere, as `name (file)`."""
    return [
        f"{name} ({file})"
        for name, file in _top_packages(sys.modules.items())
        if name not in sys.stdlib_module_names
        and not file.is_relative_to(top)
        and any((top / p / name / "__init__.py").is_file() for p in ("", "src"))
    ]


def _top_packages(modules: Iterable[tuple[str, Any]]) -> list[tuple[str, Path]]:
    files = ((name, getattr(module, "__file__", None)) for name, module in list(modules) if "." not in name)
    return [(name, Path(file).resolve()) for name, file in files if isinstance(file, str)]
