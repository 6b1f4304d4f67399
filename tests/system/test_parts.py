"""What processes leave that were killed while they wrote a file, and what is still being written."""

import os
import signal
import subprocess
import sys

import pytest

from pytest_cpuperf.results.files import write_text
from pytest_cpuperf.system.parts import part_in

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="locks nothing there")
KILLED = """
import os, pathlib, signal, sys
from pytest_cpuperf.system.parts import part_in
with part_in(pathlib.Path(sys.argv[1]), b"half of it"):
    os.kill(os.getpid(), int(sys.argv[2]))
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_what_a_killed_process_left_goes_with_the_next_file(tmp_path, how):
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(int(how))])
    assert killed.returncode == -how
    (left,) = os.listdir(tmp_path)
    assert left.endswith(".part")
    write_text(tmp_path / "a", "new")
    assert os.listdir(tmp_path) == ["a"]


def test_what_is_being_written_stays(tmp_path):
    with part_in(tmp_path, b"whole") as part:
        write_text(tmp_path / "a", "new")
        os.replace(part, tmp_path / "b")
    assert (tmp_path / "b").read_text() == "whole"
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_files_of_others_that_are_called_alike_stay(tmp_path):
    os.mkfifo(tmp_path / ".cpuperf-pipe")
    (tmp_path / "cpuperf-notes.part").write_text("mine")
    (tmp_path / ".cpuperf-folder.part").mkdir()
    write_text(tmp_path / "a", "new")
    assert sorted(os.listdir(tmp_path)) == [".cpuperf-folder.part", ".cpuperf-pipe", "a", "cpuperf-notes.part"]
