"""A project that is made to be measured: the gates are run on it as users run them, each in a pytest of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_cpuperf.clock import now
from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.results.document import read_results
from pytest_cpuperf.results.measurements import Measurement
from pytest_cpuperf.system.children import end_with_this_process

_MOST_SECONDS = 1800.0

_TESTS = """\
import pytest
from pytest_cpuperf.calibration.work import version
from slower import PIECES

NAME, CALLS = {name!r}, {calls}

@pytest.mark.parametrize("at_least", {budgets})
def test_compare(cpuperf, at_least):
    same = version(NAME, CALLS, 0)
    cpuperf.compare(version(NAME, CALLS, PIECES), same, at_least=at_least, max_seconds={max_seconds})

def test_alone(cpuperf):
    cpuperf.throughput(version(NAME, CALLS, PIECES), items=CALLS, max_seconds={max_seconds})
"""


@dataclass(frozen=True)
class Ran:
    """What a run of pytest left."""

    measurements: tuple[Measurement, ...]
    seconds: float
    """From its start to its end."""


class Project:
    """A folder with tests of one function; how much slower it is stands in a file of its own."""

    def __init__(
        self, folder: Path, name: str | None, calls: int, max_seconds: float, budgets: Sequence[float]
    ) -> None:
        """Write it. Its test that compares is there once for each budget."""
        self._folder = folder
        test = _TESTS.format(name=name, calls=calls, max_seconds=max_seconds, budgets=list(budgets))
        (folder / "pyproject.toml").write_text('[tool.cpuperf]\ncache-dir = "cache"\n')
        (folder / "test_it.py").write_text(test)
        self.be_slower(0)

    def be_slower(self, pieces: int) -> None:
        """Have the function do so many pieces of work more."""
        (self._folder / "slower.py").write_text(f"PIECES = {pieces}\n")

    def commit(self) -> None:
        """Make a repository whose last commit is the project as it stands. Raises UsageError where git cannot."""
        if shutil.which("git") is None:
            raise UsageError("--gate against needs git, which is not on the PATH", "--gate compare,stored")
        settings = ("user.name=cpuperf", "user.email=cpuperf@localhost", "commit.gpgsign=false", "core.hooksPath=")
        options = [part for setting in settings for part in ("-c", setting)]
        for command in (["init", "-q"], ["add", "test_it.py", "slower.py", "pyproject.toml"], ["commit", "-qm", "it"]):
            done = subprocess.run(
                ["git", *options, *command], cwd=self._folder, env=_environment(), capture_output=True, text=True
            )
            if done.returncode:
                said = done.stderr.strip().splitlines() or ["nothing"]
                raise UsageError(f"git {command[0]} failed in a folder of its own: {said[-1]}", "--gate compare,stored")

    def run(self, *arguments: str) -> Ran:
        """Run pytest. Raises UsageError where it leaves no results."""
        results = self._folder / "out.json"
        results.unlink(missing_ok=True)
        command = [sys.executable, "-m", "pytest", "-q", "--cpuperf", "--no-cpuperf-static", "--cpuperf-json=out.json"]
        began = now()
        try:
            done = subprocess.run(
                [*command, "-p", "no:cacheprovider", *arguments],
                cwd=self._folder,
                env=_environment(),
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_MOST_SECONDS,
                preexec_fn=end_with_this_process(),
            )
        except subprocess.TimeoutExpired:
            raise UsageError(f"a run of the tests did not end within {_MOST_SECONDS:g} s") from None
        seconds = now() - began
        try:
            run = read_results(results)
        except FileNotFoundError:
            said = (done.stdout + done.stderr).strip().splitlines() or ["nothing"]
            raise UsageError(f"pytest left no results of the calibration; it said last: {said[-1]}") from None
        found = tuple(m for test in run.tests for m in test.measurements)
        if not found:
            errors = [line for line in done.stdout.splitlines() if line.startswith("E ")] or ["no reason was given"]
            raise UsageError(f"nothing was measured: {errors[-1].removeprefix('E').strip()}")
        return Ran(found, seconds)


def _environment() -> dict[str, str]:
    """Return this process's environment, with the user's own folder on the path that modules are found on."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "PYTEST_"))}
    path = [os.getcwd(), *filter(None, [kept.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(path)}
