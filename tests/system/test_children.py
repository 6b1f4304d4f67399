"""Processes that end with the one that started them."""

import signal
import subprocess
import sys

import pytest

from tests.helpers.processes import are_gone, children, within
from tests.helpers.signals import hear_signals

STARTS = """
import subprocess
from pytest_cpuperf.system.children import end_with_this_process
subprocess.run(["sleep", "600"], start_new_session=True, preexec_fn=end_with_this_process())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such thing")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_child_ends_with_its_parent_however_that_ends(how):
    parent = subprocess.Popen([sys.executable, "-c", STARTS], preexec_fn=hear_signals)
    try:
        started = within(20, lambda: children(parent.pid))
        assert started
    finally:
        parent.send_signal(how)
        parent.wait()
    assert within(10, lambda: are_gone(started))
