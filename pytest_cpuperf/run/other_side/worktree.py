"""A git revision, checked out beside the working tree for as long as it is needed."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.run.other_side.git import GitError, git, git_without_filters
from pytest_cpuperf.system.scratch import Purpose, remove_if_left, scratch_folder

_PURPOSE: Purpose = "against"


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

    Raises UsageError where there is no git, no repository that it may read, or no such revision.
    """
    try:
        top = Path(git(folder, "rev-parse", "--show-toplevel")).resolve()
    except GitError as error:
        if "not a git repository" in str(error):
            raise UsageError(f"--cpuperf-against takes a git revision, and {folder} is in no git repository") from None
        raise UsageError(f"git cannot read the repository of {folder}: {error}", error.hint) from None
    try:
        commit = git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    except GitError:
        hint = f"the clone is shallow: git fetch --depth=1 origin {name}:{name}" if _is_shallow(top) else None
        raise UsageError(f"--cpuperf-against takes a git revision, and {name!r} is none in {top}", hint) from None
    try:
        changed = git_without_filters(top, "status", "--porcelain", "--untracked-files=no").splitlines()
    except GitError as error:
        raise UsageError(f"git cannot read the repository {top}: {error}", error.hint) from None
    return Revision(name, commit, top, len(changed))


def _is_shallow(top: Path) -> bool:
    try:
        return git(top, "rev-parse", "--is-shallow-repository") == "true"
    except GitError:
        return False


@contextlib.contextmanager
def checked_out(revision: Revision) -> Iterator[Path]:
    """Yield a folder that holds the revision in `tree/`, a lock, and nothing else; it is gone afterwards.

    What a run that was killed left behind is taken away first. Raises UsageError where git cannot check out.
    """
    _remove_leftovers(revision.top)
    with scratch_folder(_PURPOSE) as folder:
        try:
            try:
                tree = str(folder / "tree")
                git_without_filters(revision.top, "worktree", "add", "--detach", "--quiet", tree, revision.commit)
            except GitError as error:
                raise UsageError(f"git cannot check out {revision.name}: {error}", error.hint) from None
            yield folder
        finally:
            shutil.rmtree(folder / "tree", ignore_errors=True)
            _prune(revision.top)


def _prune(top: Path) -> None:
    """Have git forget trees that are gone."""
    with contextlib.suppress(GitError, UsageError):
        git(top, "worktree", "prune")


def _remove_leftovers(top: Path) -> None:
    """Take away what runs left that were killed, in whatever temporary folder they made it."""
    try:
        listed = git(top, "worktree", "list", "--porcelain").splitlines()
    except GitError:
        return
    trees = [Path(line.removeprefix("worktree ")) for line in listed if line.startswith("worktree ")]
    for tree in trees:
        if tree.name == "tree" and tree.parent.name.startswith(f"cpuperf-{_PURPOSE}-"):
            with contextlib.suppress(OSError):
                remove_if_left(tree.parent)
    if len(trees) > 1:
        _prune(top)
