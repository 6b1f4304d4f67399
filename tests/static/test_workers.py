"""The processes that `cpuperf check` spreads files over."""

import signal
import subprocess
import sys

import pytest

from tests.helpers.processes import are_gone, children, within

SOURCE = """
import torch

def run(model, x):
    with torch.no_grad():
        return model(x).tolist()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_workers_end_with_the_check_that_is_killed(tmp_path, how):
    for n in range(400):
        (tmp_path / f"m{n}.py").write_text(SOURCE * 20)
    command = [sys.executable, "-m", "pytest_cpuperf", "check", "--isolated", "--no-cache", "--jobs=2", str(tmp_path)]
    check = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        workers = within(30, lambda: len(children(check.pid)) == 2 and children(check.pid))
        assert workers, "no workers were started"
    finally:
        check.send_signal(how)
    assert check.wait() == -how, "the check was over before it was killed"
    assert within(10, lambda: are_gone(workers))
