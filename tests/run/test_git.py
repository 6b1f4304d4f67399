"""What `--cpuperf-against` asks of git: hooks, filters, odd names and owners, and a git that hangs."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.run.other_side import git as asking
from pytest_cpuperf.run.other_side.git import git
from pytest_cpuperf.run.other_side.worktree import checked_out, find_revision

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="hooks are shell scripts")


def call(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Make a repository with one commit; checkouts go beside it."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))

    def make(name="project"):
        folder = tmp_path / name
        folder.mkdir()
        call(folder, "init", "-q")
        (folder / ".gitattributes").write_text("*.dat filter=odd\n")
        (folder / "model.dat").write_text("weights\n")
        call(folder, "add", ".")
        call(folder, "commit", "-qm", "one")
        return folder

    return make


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def leftovers():
    return os.listdir(tempfile.gettempdir())


@pytest.mark.parametrize("name", ["project", "blank at the end ", " blank before", "ünï\udcff", "two\nlines"])
def test_a_revision_is_checked_out_whatever_the_repository_is_called(repository, name):
    folder = repository(name)
    with checked_out(find_revision("HEAD", folder)) as there:
        assert (there / "tree" / "model.dat").read_text() == "weights\n"
    assert leftovers() == []


def test_nothing_that_the_repository_configures_runs(repository, tmp_path):
    folder, ran = repository(), tmp_path / "ran"
    for hook in ("post-checkout", "post-index-change", "reference-transaction"):
        script(folder / ".git" / "hooks" / hook, f"echo {hook} >> '{ran}'; exit 3")
    helper = script(tmp_path / "helper", f"echo helper >> '{ran}'; exit 3")
    call(folder, "-c", "core.hooksPath=/dev/null", "config", "core.fsmonitor", str(helper))
    call(folder, "config", "filter.odd.smudge", str(helper))
    call(folder, "config", "filter.odd.clean", str(helper))
    call(folder, "config", "filter.odd.required", "true")
    (folder / "model.dat").write_text("other\n")
    revision = find_revision("HEAD", folder)
    assert revision.changed_files == 1
    with checked_out(revision) as there:
        assert (there / "tree" / "model.dat").read_text() == "weights\n"
    assert not ran.exists(), ran.read_text()


def test_a_filter_of_the_users_own_runs(repository, tmp_path, monkeypatch):
    """As Git LFS does: without it files are not those of the revision."""
    folder = repository()
    for key, value in {"COUNT": "1", "KEY_0": "filter.odd.smudge", "VALUE_0": "tr a-z A-Z"}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{key}", value)
    with checked_out(find_revision("HEAD", folder)) as there:
        assert (there / "tree" / "model.dat").read_text() == "WEIGHTS\n"


def with_git(tmp_path, monkeypatch, text):
    (tmp_path / "bin").mkdir()
    script(tmp_path / "bin" / "git", text)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)


def test_a_git_that_hangs_is_ended_with_what_it_started(tmp_path, monkeypatch):
    with_git(tmp_path, monkeypatch, f"sleep 600 & echo $! > '{tmp_path}/started'; wait")
    monkeypatch.setattr(asking, "_MOST_SECONDS", 0.5)
    with pytest.raises(UsageError, match=r"git rev-parse did not end within 0\.5 s in"):
        find_revision("HEAD", tmp_path)
    started = int((tmp_path / "started").read_text())
    end = time.monotonic() + 10
    while _runs(started) and time.monotonic() < end:
        time.sleep(0.02)
    assert not _runs(started)


def test_a_process_that_git_leaves_behind_is_not_waited_for(tmp_path, monkeypatch):
    with_git(tmp_path, monkeypatch, f"sleep 600 & echo $! > '{tmp_path}/started'; echo done")
    monkeypatch.setattr(asking, "_MOST_SECONDS", 30)
    try:
        assert git(tmp_path, "anything") == "done"
    finally:
        os.kill(int((tmp_path / "started").read_text()), signal.SIGKILL)


@pytest.mark.parametrize(
    ("says", "told", "hint"),
    [
        (
            "fatal: detected dubious ownership in repository at '/r'\n"
            "To add an exception for this directory, call:\n\n\tgit config --global --add safe.directory /r",
            "git cannot read the repository of .*: fatal: detected dubious ownership in repository at '/r'",
            "git config --global --add safe.directory /r",
        ),
        ("fatal: not a git repository (or any parent)", ".* is in no git repository", None),
        ("fatal: bad config line 1 in file .git/config", "git cannot read .*: fatal: bad config line 1", None),
        ("warning: odd\nfatal: unable to read tree", "git cannot read .*: fatal: unable to read tree", None),
    ],
)
def test_what_git_refuses_is_told_in_its_words(tmp_path, monkeypatch, says, told, hint):
    with_git(tmp_path, monkeypatch, f'cat >&2 <<"X"\n{says}\nX\nexit 128')
    with pytest.raises(UsageError, match=told) as raised:
        find_revision("HEAD", tmp_path)
    assert raised.value.hint == hint


def test_what_a_killed_run_left_goes_at_the_next_and_what_is_in_use_stays(repository):
    folder = repository()
    code = (
        "import sys, tempfile, pathlib; tempfile.tempdir = sys.argv[1]\n"
        "from pytest_cpuperf.run.other_side.worktree import checked_out, find_revision\n"
        "with checked_out(find_revision('HEAD', pathlib.Path(sys.argv[2]))): print('ready', flush=True); input()"
    )
    command = [sys.executable, "-c", code, tempfile.gettempdir(), str(folder)]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "ready\n"
        with checked_out(find_revision("HEAD", folder)):
            assert len(leftovers()) == 2, "what a run uses that is alive was taken away"
    finally:
        other.kill()
        other.communicate()
    assert len(leftovers()) == 1
    with checked_out(find_revision("HEAD", folder)):
        assert len(leftovers()) == 1
    assert leftovers() == []
    assert git(folder, "worktree", "list").count("\n") == 0


def _runs(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return not Path(f"/proc/{process}/stat").exists() or b") Z " not in Path(f"/proc/{process}/stat").read_bytes()


def test_a_git_that_cannot_be_started_is_one_line(repository, tmp_path, monkeypatch):
    folder = repository()
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "git").write_bytes(b"\0")  # neither a program nor a script
    (programs / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    with pytest.raises(UsageError, match="needs git, which cannot be started: Exec format error"):
        git(folder, "status")
