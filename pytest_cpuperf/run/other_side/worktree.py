"""A git revision, checked out beside the working tree for as long as it is needed."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_cpuperf.errors import UsageError

_PREFIX = "cpuperf-against-"


@dataclass(frozen=True)
class Revision:
    """A revision of the repository that a folder is in."""

    name: str
    """As the user wrote it."""
    commit: str
    top: Path
    """The working tree's top folder."""
    changed_files: int
    """Tracked files of the working tree that differ from its last commit."""

    @property
    def short(self) -> str:
        """The commit as people read it."""
        return self.commit[:10]


def find_revision(name: str, folder: Path) -> Revision:
    """Return the revision called `name` in the repository that `folder` is in.

    Raises UsageError where there is no git, no repository, or no such revision.
    """
    try:
        top = Path(_git(folder, "rev-parse", "--show-toplevel")).resolve()
    except subprocess.CalledProcessError:
        raise UsageError(f"--cpuperf-against takes a git revision, and {folder} is in no git repository") from None
    try:
        commit = _git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    except subprocess.CalledProcessError:
        shallow = _git(top, "rev-parse", "--is-shallow-repository") == "true"
        hint = f"the clone is shallow: git fetch --depth=1 origin {name}:{name}" if shallow else None
        raise UsageError(f"--cpuperf-against takes a git revision, and {name!r} is none in {top}", hint) from None
    changed = _git(top, "status", "--porcelain", "--untracked-files=no").splitlines()
    return Revision(name, commit, top, len(changed))


@contextlib.contextmanager
def checked_out(revision: Revision) -> Iterator[Path]:
    """Yield a folder that holds the revision in `tree/`, and nothing else; it is gone afterwards.

    What a run that was killed left behind is taken away first. Raises UsageError where git cannot check out.
    """
    _remove_leftovers(revision.top)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")).resolve()
    try:
        try:
            _git(revision.top, "worktree", "add", "--detach", "--quiet", str(folder / "tree"), revision.commit)
        except subprocess.CalledProcessError as error:
            said = error.stderr.strip().splitlines() or ["git gave no reason"]
            raise UsageError(f"git cannot check out {revision.name}: {said[-1]}") from None
        yield folder
    finally:
        _remove(revision.top, folder)


def _remove(top: Path, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(subprocess.CalledProcessError, UsageError):
        _git(top, "worktree", "prune")


def _remove_leftovers(top: Path) -> None:
    """Take away what a run left that was killed: its folder is named after a process that is no more."""
    for line in _git(top, "worktree", "list", "--porcelain").splitlines():
        found = re.fullmatch(rf"worktree (.*/{_PREFIX}(\d+)-[^/]*)/tree", line)
        if found and not _alive(int(found[2])):
            _remove(top, Path(found[1]))


def _alive(process: int) -> bool:
    import psutil  # deferred: only where something was left

    return psutil.pid_exists(process)


def _git(folder: Path, *arguments: str) -> str:
    # GIT_DIR and its kin, set while a git hook runs, would point every command at the hook's repository.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, errors="replace", env=environment)
    except FileNotFoundError:
        raise UsageError("--cpuperf-against needs git, which is not on the PATH") from None
    return done.stdout.strip()
