"""Temporary folders: gone afterwards, and with the next one where the process was killed."""

import os
import subprocess
import sys
import tempfile

import pytest

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.system.scratch import scratch_folder

KILLED = """
import os, signal, tempfile, sys
from pytest_cpuperf.system.scratch import scratch_folder
tempfile.tempdir = sys.argv[1]
with scratch_folder("calibrate") as folder:
    (folder / "project").mkdir()
    (folder / "project" / "file").write_text("much")
    os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_nothing_stays(temporary):
    with scratch_folder("process") as folder:
        (folder / "tree").mkdir()
        (folder / "tree" / "file").write_text("text")
    assert os.listdir(temporary) == []


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
def test_what_a_killed_process_left_goes_and_what_is_in_use_stays(temporary):
    subprocess.run([sys.executable, "-c", KILLED, str(temporary)])
    assert len(os.listdir(temporary)) == 1
    with scratch_folder("process") as first, scratch_folder("process") as second:
        assert sorted(os.listdir(temporary)) == sorted([first.name, second.name])
    assert os.listdir(temporary) == []


def test_an_empty_folder_goes_once_it_is_old(temporary):
    """Of a process that was killed right after it made it; another may be about to use it."""
    for name in ("cpuperf-process-abcdefgh", "cpuperf-process-ijklmnop"):
        (temporary / name).mkdir()
    os.utime(temporary / "cpuperf-process-abcdefgh", (0, 0))
    with scratch_folder("process"):
        pass
    assert os.listdir(temporary) == ["cpuperf-process-ijklmnop"]


def test_folders_of_others_that_are_called_alike_stay(temporary):
    theirs = temporary / "cpuperf-results-20261128"
    theirs.mkdir()
    (theirs / "run.json").write_text("{}")
    os.utime(theirs, (0, 0))
    (temporary / "cpuperf-process-abcdefgh").symlink_to(theirs)
    with scratch_folder("process"):
        pass
    assert (theirs / "run.json").exists()
    assert (temporary / "cpuperf-process-abcdefgh").is_symlink()


def test_no_room_is_one_line_with_what_to_do(temporary, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(temporary / "gone"))
    with pytest.raises(UsageError, match="cannot make a temporary folder: No such file or directory") as raised:
        scratch_folder("process").__enter__()
    assert "TMPDIR" in raised.value.hint
