"""Asking git: with the user's own configuration, without what the repository would run, and for a limited time."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from pathlib import Path

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.run.other_side.waiting import wait_for
from pytest_cpuperf.system.children import end_with_this_process

# A checkout of a large repository takes minutes at worst.
_MOST_SECONDS = 300.0
# GIT_DIR and its kin, set while a git hook runs, would point every command at the hook's repository. These do not say
# which repository is meant.
_KEPT = ("GIT_CONFIG", "GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_EXEC_PATH", "GIT_SSL_")
# Hooks, file system monitors and other repositories: what is asked of git needs none of them.
_NOTHING_RUNS = (f"core.hooksPath={os.devnull}", "core.fsmonitor=false", "submodule.recurse=false")


class GitError(Exception):
    """git failed; the message is what it said first, and `hint` the command that it recommends."""

    def __init__(self, said: str) -> None:
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        super().__init__(next((line for line in lines if line.startswith(("fatal:", "error:"))), (lines or [""])[0]))
        self.hint = next((line for line in lines if line.startswith("git config ")), None)


def git(folder: Path, *arguments: str) -> str:
    """Return what a git command prints. Raises GitError where it fails, UsageError without git or where it hangs."""
    return _call(folder, arguments, [*_NOTHING_RUNS])


def git_without_filters(folder: Path, *arguments: str) -> str:
    """Return what a git command prints that reads or writes files, without the filters that the repository configures.

    Those of the user's own configuration, as of Git LFS, are left. Raises as `git` does.
    """
    try:
        found = git(folder, "config", "--local", "--includes", "--name-only", "--get-regexp", r"^filter\..*\.")
    except GitError:
        found = ""  # there are none
    filters = {name.rpartition(".")[0] for name in found.splitlines()}
    off = [f"{name}.{key}" for name in sorted(filters) for key in ("clean=", "smudge=", "process=", "required=false")]
    return _call(folder, arguments, [*_NOTHING_RUNS, *off])


def _call(folder: Path, arguments: tuple[str, ...], settings: list[str]) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k.startswith(_KEPT)}
    environment |= {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    options = [part for setting in settings for part in ("-c", setting)]
    # Files, as a pipe would be waited for as long as any process that git leaves behind holds it.
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                ["git", *options, "-C", str(folder), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                env=environment,
                start_new_session=True,  # no terminal to ask for passwords on, and a group to end
                preexec_fn=end_with_this_process(),
            )
        except FileNotFoundError:
            raise UsageError("--cpuperf-against needs git, which is not on the PATH") from None
        except OSError as error:
            raise UsageError(f"--cpuperf-against needs git, which cannot be started: {error.strerror}") from None
        try:
            ended = wait_for(process, _MOST_SECONDS)
        finally:
            _end(process)
        if not ended:
            raise UsageError(f"git {arguments[0]} did not end within {_MOST_SECONDS:g} s in {folder}")
        output.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            raise GitError(errors.read().decode(errors="replace"))
        # The newline alone: names may end with blanks.
        return os.fsdecode(output.read()).removesuffix("\n")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()
