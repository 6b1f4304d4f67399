"""Locks that the system lets go of however a process ends. They leave no file behind.

On Windows, and on file systems that have none, nothing is locked.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from pytest_cpuperf.clock import now, sleep
from pytest_cpuperf.errors import UsageError

if sys.platform != "win32":
    import fcntl

_MOST_SECONDS = 30.0
_POLL_SECONDS = 0.02


def lock(handle: int) -> bool | None:
    """Lock an open file until its last handle is closed. Returns whether it was free, None where nothing is locked."""
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep others who ask for it out of a folder, which is made where there is none.

    What is wrong with the folder is left for whoever writes there to tell. Raises UsageError where another process
    stays in it.
    """
    handle = None
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    try:
        if handle is not None:
            _wait_for(handle, folder)
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _wait_for(handle: int, folder: Path) -> None:
    until = now() + _MOST_SECONDS
    while lock(handle) is False:
        if now() >= until:
            raise UsageError(f"another process has been writing in {folder} for {_MOST_SECONDS:g} s", "end it")
        sleep(_POLL_SECONDS)
