"""The processes that `cpuperf check` spreads files over."""

import signal
import subprocess
import sys
import textwrap

import pytest

from pytest_cpuperf.static.workers import in_processes
from tests.helpers.processes import are_gone, children, within
from tests.helpers.signals import hear_signals

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
    nothing = subprocess.DEVNULL
    check = subprocess.Popen(command, stdout=nothing, stderr=nothing, preexec_fn=hear_signals)
    try:
        workers = within(30, lambda: len(children(check.pid)) == 2 and children(check.pid))
        assert workers, "no workers were started"
    finally:
        check.send_signal(how)
    assert check.wait() == -how, "the check was over before it was killed"
    assert within(10, lambda: are_gone(workers))


DEADLY = """
    import os, signal, sys
    from pytest_cpuperf.static.rules.cpu101_no_grad_inference.rule import NoGradInference
    check = NoGradInference.check
    def deadly(self, module):
        if "kill_me" in module.facts.text:
            os.kill(os.getpid(), signal.SIGKILL)
        yield from check(self, module)
    NoGradInference.check = deadly
    """


@pytest.mark.skipif(sys.platform != "linux", reason="workers see what their parent did where they are forked")
def test_a_worker_that_is_killed_is_an_error_for_its_file_alone(tmp_path):
    for n in range(12):
        (tmp_path / f"m{n:02}.py").write_text(SOURCE + ("kill_me = 1\n" if n in (3, 8) else ""))
    main = "from pytest_cpuperf.cli import main\nsys.exit(main(sys.argv[1:]))\n"
    (tmp_path / "deadly").write_text(textwrap.dedent(DEADLY) + main)
    arguments = ["check", "--isolated", "--no-cache", "--jobs=2", "--format=concise", "."]
    done = subprocess.run([sys.executable, "deadly", *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == ""
    told = "error: cannot be checked: the process that did was killed; did memory run out?"
    errors = [line for line in done.stdout.splitlines() if "killed" in line]
    assert [line.partition(":")[0] for line in errors] == ["m03.py", "m08.py"], done.stdout
    assert all(told in line for line in errors), errors
    assert done.stdout.count("CPU101") == 10


def test_where_no_process_can_be_started_this_one_checks(tmp_path, monkeypatch):
    def refused(*arguments, **keywords):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("concurrent.futures.ProcessPoolExecutor", refused)
    assert in_processes(len, [[tmp_path], [tmp_path, tmp_path]], 2, None) == [1, 2]
