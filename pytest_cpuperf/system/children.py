"""Starting processes that end with this one, however it ends."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def end_with_this_process() -> Callable[[], None] | None:
    """Return what `subprocess` is to call in a new process (`preexec_fn`); None where the system has no such thing.

    The process is killed when the thread that starts it ends, so start it from one that waits for it.
    """
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()  # found before the process is made: after it, little is safe

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it ended meanwhile
            os._exit(1)

    return ask
