"""A folder that one process at a time writes in."""

import subprocess
import sys

import pytest

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.system import locks
from pytest_cpuperf.system.locks import alone_in

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="locks nothing there")
HOLDS = """
import pathlib, sys
from pytest_cpuperf.system.locks import alone_in
with alone_in(pathlib.Path(sys.argv[1])):
    print("in", flush=True)
    input()
"""


@pytest.fixture
def holder(tmp_path):
    command = [sys.executable, "-c", HOLDS, str(tmp_path)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "in\n"
    yield holder
    holder.kill()
    holder.communicate()


def test_who_stays_too_long_is_told(holder, tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "_MOST_SECONDS", 0.2)
    with pytest.raises(UsageError, match="another process has been writing in"), alone_in(tmp_path):
        pass


def test_one_that_is_killed_lets_go(holder, tmp_path):
    holder.kill()
    with alone_in(tmp_path):
        assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_left_to_who_writes_there(tmp_path):
    (tmp_path / "file").write_text("")
    with alone_in(tmp_path / "file" / "folder"):
        pass
