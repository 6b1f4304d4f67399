"""The same tests in this tree and at a revision, each in fresh processes."""

from __future__ import annotations

import contextlib
import secrets
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.measure.blocks import NoSuchWorkError, SelfTimedWork, WorkElsewhereError
from pytest_cpuperf.results.placement import Placement
from pytest_cpuperf.run.other_side.side import Side, Start, Tree
from pytest_cpuperf.run.other_side.wanted import Wanted
from pytest_cpuperf.run.other_side.worktree import Revision, checked_out


class OtherSide:
    """The same tests in this tree and at a revision, in fresh processes each time they are asked for."""

    def __init__(self, revision: Revision, wanted: Wanted, folder: Path) -> None:
        """Learn which tests the revision in `folder` has. Raises UsageError where pytest cannot collect there."""
        self.name = revision.name
        self._wanted = wanted
        self._start = Start.here()
        top, tree = revision.top, folder / "tree"
        self._here = Tree("the working tree", top, tree, top, folder / "here.txt")
        self._there = Tree(revision.name, tree, top, top, folder / "there.txt")
        self._running: list[Side] = []
        self._begun: tuple[str, Placement] | None = None
        try:
            self._tests, self._errors = self._launch(self._there, wanted, self._start).collect()
        except WorkElsewhereError as error:
            raise UsageError(f"the tests cannot be run at {self.name}: {error}") from None
        finally:
            self.close()

    @property
    def only_there(self) -> tuple[str, ...]:
        """Measured tests that the revision has and this side has not; empty where single tests were asked for."""
        if any("::" in path for path in self._wanted.paths):
            return ()
        return tuple(t for t in self._tests if t not in self._wanted.known)

    def begin(self, test: str, placement: Placement) -> None:
        """Learn which test runs now, and where."""
        self._begun = test, placement

    @contextlib.contextmanager
    def fresh(self, label: str) -> Iterator[tuple[SelfTimedWork, SelfTimedWork]]:
        """Yield the function of this tree and of the revision, each in a process of its own that has just begun.

        Both begin at once, in random order, with the same hash seed, and end afterwards. Raises NoSuchWorkError where
        the revision lacks the test or the function, WorkElsewhereError where it cannot be had.
        """
        assert self._begun is not None
        test, placement = self._begun
        path = test.split("::")[0]
        if test not in self._tests:
            if path in self._errors:
                raise WorkElsewhereError(f"at {self.name} {path} cannot be imported: {self._errors[path]}")
            raise NoSuchWorkError(f"this test is not at {self.name}: there is nothing to hold it against")
        wanted = replace(self._wanted, paths=(str(self._wanted.root / path),))
        start = self._start.with_hash_seed()
        trees = [self._here, self._there]
        secrets.SystemRandom().shuffle(trees)
        try:
            sides = {tree.name: self._launch(tree, wanted, start) for tree in trees}
            for side in sides.values():
                if test not in side.collect()[0]:
                    raise WorkElsewhereError(f"a fresh process of {side.name} does not collect this test")
                side.begin(test, placement)
            yield sides[self._here.name].work(label), sides[self._there.name].work(label)
        except UsageError as error:
            raise WorkElsewhereError(str(error)) from None
        finally:
            self.close()

    def _launch(self, tree: Tree, wanted: Wanted, start: Start) -> Side:
        self._running.append(Side(tree, wanted, start))
        return self._running[-1]

    def close(self) -> None:
        """End the processes that run, and those they started."""
        while self._running:
            self._running.pop().close()


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
