"""Disks that are full, read-only, or fail at a drawn step, and folders that vanish: one line, and all files whole."""

import contextlib
import errno
import os
import subprocess

import pytest

from tests.faults.running import Command
from tests.faults.trees import FIX, FIXED, MEASURE, SOURCE, left, measured, sources, states, whole
from tests.helpers.drawing import COUNT, drawn, told

pytestmark = pytest.mark.slow
ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENOENT)
MANY, SOME, FEW = COUNT // 30, COUNT // 100, COUNT // 400
WRITING = ["--cpuperf-save=main", "--cpuperf-json=out.json", "--cpuperf-html=out.html"]


def written(ran):
    """Check that a run of pytest says what it could not write, and ends as one that could not."""
    assert ran.code in (0, 1, 2, 3, 4, 5), ran
    return ran


def test_a_step_of_a_fix_that_fails(runner, tmp_path):
    rng = drawn("disks: fix")
    (plain,) = runner.run(Command(sources(tmp_path / "plain", 6), FIX))
    for number in range(MANY):
        error, step = rng.choice(ERRORS), rng.randrange(1, plain.steps + 1)
        with told(f"run {number}: {errno.errorcode[error]} at step {step} of {plain.steps}"):
            folder = sources(tmp_path / str(number), 6)
            (ran,) = runner.run(Command(folder, FIX, step, "error", error))
            assert ran.code in (0, 1, 2)
            whole(folder)
            assert ran.code or states(folder).count(SOURCE) == 0, "nothing says that some were not fixed"
            assert left(folder) == []


def test_a_step_of_a_run_that_writes_which_fails(runner, tmp_path):
    rng = drawn("disks: results")
    folder = measured(tmp_path / "project", "a")
    (plain,) = runner.run(Command(folder, [*MEASURE, *WRITING]))
    for number in range(MANY):
        error, step = rng.choice(ERRORS), rng.randrange(1, plain.steps + 1)
        with told(f"run {number}: {errno.errorcode[error]} at step {step} of {plain.steps}"):
            written(*runner.run(Command(folder, [*MEASURE, *WRITING], step, "error", error)))
            whole(folder)
            assert left(folder) == []


def test_a_step_of_a_run_against_a_revision_that_fails(runner, tmp_path):
    rng = drawn("disks: against")
    folder, temporary = measured(tmp_path / "project", "a"), tmp_path / "temporary"
    temporary.mkdir()
    for command in (["init", "-q"], ["add", "."], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "1"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    command = Command(
        folder,
        [*MEASURE, "--no-cpuperf-static", "--cpuperf-against=HEAD"],
        kind="error",
        folders=(temporary,),
        environment={"TMPDIR": str(temporary)},
    )
    (plain,) = runner.run(command)
    for number in range(FEW):
        command.what, command.step = rng.choice(ERRORS), rng.randrange(1, plain.steps + 1)
        with told(f"run {number}: {errno.errorcode[command.what]} at step {command.step} of {plain.steps}"):
            written(*runner.run(command))


def test_files_that_may_not_grow(runner, tmp_path):
    """What a quota does to a write that began well; no file grows beyond a drawn size."""
    rng = drawn("disks: size")
    for number in range(SOME):
        most = rng.randrange(3000)
        with told(f"run {number}: {most} bytes"):
            folder = sources(tmp_path / str(number), 3)
            for file in folder.glob("part1/*.py"):
                file.write_text(SOURCE + "# long\n" * 300)
            os.link(folder / "part0/m0.py", folder / "part0/twin.py")
            (ran,) = runner.run(Command(folder, FIX, most_bytes=most))
            assert ran.code in (0, 1, 2)
            whole(folder)
            texts = {f.read_text().replace("# long\n", "") for f in folder.glob("part*/*.py")}
            assert texts <= {SOURCE, FIXED}
            assert left(folder) == []
            results = measured(tmp_path / f"results-{number}", "a")
            written(*runner.run(Command(results, [*MEASURE, *WRITING], most_bytes=most * 20)))
            whole(results)
            assert left(results) == []


@contextlib.contextmanager
def disk(folder, options):
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no file system may be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_disk_that_is_full(runner, tmp_path):
    rng = drawn("disks: full")
    for number in range(SOME):
        room = rng.randrange(0, 24) * 1024
        with told(f"run {number}: {room} bytes free"), disk(tmp_path / str(number), "size=128k") as folder:
            sources(folder, 6)
            measured(folder, "a")
            with contextlib.suppress(OSError):  # all there is, and then some room
                (folder / "rest").write_bytes(b"x" * (128 << 10))
            os.truncate(folder / "rest", max(0, (folder / "rest").stat().st_size - room))
            (ran,) = runner.run(Command(folder, FIX, environment={"TMPDIR": str(folder)}))
            assert ran.code in (0, 1, 2)
            states(folder)
            whole(folder)
            written(*runner.run(Command(folder, [*MEASURE, *WRITING], environment={"TMPDIR": str(folder)})))
            whole(folder)
            assert left(folder) == []


def test_a_disk_that_is_read_only(runner, tmp_path):
    with disk(tmp_path / "disk", "size=1m") as folder:
        sources(folder, 3)
        measured(folder, "a")
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        (ran,) = runner.run(Command(folder, FIX))
        assert ran.code == 2
        assert ran.output.count("Read-only file system") == 3
        (ran,) = runner.run(Command(folder, [*MEASURE, *WRITING]))
        assert ran.code == 3
        assert ran.output.count("cannot write") == 3


def test_folders_that_are_read_only(runner, tmp_path):
    folder = sources(tmp_path / "project", 6)
    (folder / "part0").chmod(0o555)
    try:
        if os.access(folder / "part0", os.W_OK):
            pytest.skip("root may write everywhere")
        (ran,) = runner.run(Command(folder, FIX))
    finally:
        (folder / "part0").chmod(0o755)
    assert ran.code == 0  # the files are ours, and written in place
    assert set(states(folder)) == {FIXED}


def test_a_folder_that_vanishes(runner, tmp_path):
    rng = drawn("disks: vanish")
    (plain,) = runner.run(Command(sources(tmp_path / "plain", 6), FIX))
    for number in range(MANY):
        step = rng.randrange(1, plain.steps + 1)
        with told(f"run {number}: at step {step} of {plain.steps}"):
            folder = sources(tmp_path / str(number), 6)
            (ran,) = runner.run(Command(folder, FIX, step, "edit", "vanish"))
            assert ran.code in (0, 1, 2)
            if folder.exists():
                whole(folder)
                states(folder)
