"""Odd repositories: a revision of each is checked out, or one line says why not, and nothing is left."""

import os
import subprocess
import tempfile

import pytest

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.run.other_side.worktree import checked_out, find_revision

pytestmark = pytest.mark.slow
IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always")


def git(folder, *arguments):
    subprocess.run(["git", *IDENTITY, *arguments], cwd=folder, check=True, capture_output=True)


def hanging(path):
    path.write_text("#!/bin/sh\nsleep 600\n")
    path.chmod(0o755)


def clone(*options):
    def make(folder):
        git(folder.parent, "clone", "-q", *options, f"file://{folder}", "clone")
        return folder.parent / "clone"

    return make


def configured(*arguments):
    def make(folder):
        git(folder, *arguments)
        return folder

    return make


def worktree_of_a_worktree(folder):
    git(folder, "worktree", "add", "-q", "--detach", "../one")
    git(folder.parent / "one", "worktree", "add", "-q", "--detach", "../two")
    return folder.parent / "two"


def hooks_that_hang(folder):
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        hanging(folder / ".git/hooks" / name)
    return folder


def submodule(folder):
    clone()(folder)
    git(folder, "submodule", "add", "-q", str(folder.parent / "clone"), "sub")
    git(folder, "commit", "-qm", "sub")
    return folder / "sub"


def monitor(folder):
    hanging(folder / ".git/monitor")
    return configured("config", "core.fsmonitor", str(folder / ".git/monitor"))(folder)


def no_commits(folder):
    (folder.parent / "none").mkdir()
    git(folder.parent / "none", "init", "-q")
    return folder.parent / "none"


def of_another(folder):
    if os.geteuid() != 0:
        pytest.skip("only root may give folders away")
    os.chown(folder, 65534, 65534)
    os.chown(folder / ".git", 65534, 65534)
    return folder


GOOD = {
    "a shallow clone": clone("--depth=1"),
    "another's objects": clone("--shared"),
    "a partial clone": clone("--no-checkout"),
    "a worktree of a worktree": worktree_of_a_worktree,
    "a detached head": configured("checkout", "-q", "--detach"),
    "hooks that hang": hooks_that_hang,
    "a submodule": submodule,
    "a monitor that hangs": monitor,
    "a tag named as a branch": configured("branch", "HEAD-1"),
    "a sparse checkout": configured("sparse-checkout", "set", "nothing"),
}
BAD = {"a bare repository": clone("--bare"), "no commits": no_commits, "another's": of_another}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    folder = tmp_path / "two\nlines "
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "file").write_text("text\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "one")
    yield folder
    assert os.listdir(tmp_path / "temporary") == []


@pytest.mark.parametrize("kind", GOOD)
def test_a_revision_is_checked_out(folder, kind):
    with checked_out(find_revision("HEAD", GOOD[kind](folder))) as there:
        assert (there / "tree").is_dir()


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_is_one_line(folder, kind):
    with pytest.raises(UsageError) as raised:
        find_revision("HEAD", BAD[kind](folder))
    assert "\n" not in str(raised.value)
