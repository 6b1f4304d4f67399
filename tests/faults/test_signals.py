"""A signal at a drawn step: all files are whole, no process lives on, and what is left goes at the next run."""

import os
import signal
import subprocess
import tempfile

import pytest

from pytest_cpuperf.system.scratch import scratch_folder
from tests.faults.running import Command
from tests.faults.trees import FIX, FIXED, MEASURE, left, measured, sources, states, whole
from tests.helpers.drawing import COUNT, drawn, told

pytestmark = pytest.mark.slow
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL)
MANY, SOME, FEW = COUNT // 50, COUNT // 150, COUNT // 400


def ended_by(number):
    """Return the exit codes that a signal gives: its own, Ctrl-C's, or that of a run that was already over."""
    return (-number, 0, 1) if number != signal.SIGINT else (130, -number, 2, 0, 1)


def test_a_fix_of_many_files(runner, tmp_path):
    rng = drawn("signals: fix")
    (plain,) = runner.run(Command(sources(tmp_path / "plain", 12), FIX))
    assert set(states(tmp_path / "plain")) == {FIXED}
    cut = 0
    for number in range(MANY):
        how, step = rng.choice(SIGNALS), rng.randrange(1, plain.steps + 1)
        with told(f"run {number}: {how.name} at step {step} of {plain.steps}"):
            folder = sources(tmp_path / str(number), 12)
            (ran,) = runner.run(Command(folder, FIX, step, "signal", how))
            assert ran.code in ended_by(how)
            whole(folder)
            cut += 0 < states(folder).count(FIXED) < 12
            runner.run(Command(folder, FIX))
            assert set(states(folder)) == {FIXED}
            assert left(folder) == []
    assert cut, "no signal came between two files"


def test_a_check_in_several_processes(runner, tmp_path):
    rng = drawn("signals: workers")
    folder = sources(tmp_path / "project", 60)
    for number in range(SOME):
        how, after = rng.choice(SIGNALS), rng.random() * 0.3
        with told(f"run {number}: {how.name} after {after:.3f} s"):
            (ran,) = runner.run(Command(folder, ["check", "--jobs=2", "--no-cache"], what=how, after=after))
            assert ran.code in ended_by(how)


def test_a_run_that_stores_and_writes_its_results(runner, tmp_path):
    rng = drawn("signals: results")
    options = ["--cpuperf-save=main", "--cpuperf-json=out.json", "--cpuperf-html=out.html"]
    folder = measured(tmp_path / "project", "a")
    (plain,) = runner.run(Command(folder, [*MEASURE, *options]))
    assert (folder / "out.json").exists()
    for number in range(SOME):
        how, step = rng.choice(SIGNALS), rng.randrange(1, plain.steps + 1)
        with told(f"run {number}: {how.name} at step {step} of {plain.steps}"):
            runner.run(Command(folder, [*MEASURE, *options], step, "signal", how))
            assert (folder / "out.html").read_text().rstrip().endswith("</html>")
            whole(folder)
    runner.run(Command(folder, [*MEASURE, *options]))
    assert left(folder) == []


def git(folder, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


@pytest.mark.parametrize("at", ["a step", "a moment"])
def test_a_run_against_a_revision(runner, tmp_path, at):
    rng = drawn(f"signals: against, {at}")
    folder, temporary = measured(tmp_path / "project", "a"), tmp_path / "temporary"
    temporary.mkdir()
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        git(folder, *command)
    command = Command(
        folder,
        [*MEASURE, "--no-cpuperf-static", "--cpuperf-against=HEAD"],
        folders=(temporary,),
        environment={"TMPDIR": str(temporary)},
    )
    (plain,) = runner.run(command)
    for number in range(FEW):
        command.what, command.step = rng.choice(SIGNALS), 0
        if at == "a step":
            command.step = rng.randrange(1, plain.steps + 1)
        else:
            command.after = rng.random() * 4
        with told(f"run {number}: {command.what.name} at step {command.step} of {plain.steps} or {command.after} s"):
            runner.run(command)
    command.step, command.after = 0, None
    runner.run(command)
    # One that was killed before it locked its folder leaves it empty, which goes after a minute.
    assert [folder for folder in left(temporary) if os.listdir(folder)] == []
    assert git(folder, "worktree", "list").count("\n") == 1


def test_a_calibration(runner, tmp_path, monkeypatch):
    rng = drawn("signals: calibrate")
    folder, temporary = measured(tmp_path / "project", "a"), tmp_path / "temporary"
    temporary.mkdir()
    command = Command(
        folder,
        ["calibrate", "--runs=1", "--max-seconds=0.3", "--json=out.cal"],
        folders=(temporary,),
        environment={"TMPDIR": str(temporary)},
    )
    for number in range(FEW):
        command.what, command.after = rng.choice(SIGNALS), 0.5 + rng.random() * 6
        with told(f"run {number}: {command.what.name} after {command.after:.2f} s"):
            (ran,) = runner.run(command)
            assert ran.code in ended_by(command.what)
            whole(folder)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with scratch_folder("calibrate"):
        pass
    assert left(temporary) == []
