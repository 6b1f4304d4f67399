"""Folders for a while: gone afterwards, or with the next that is made where the process was killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args

from filelock import FileLock, Timeout

from pytest_cpuperf.errors import UsageError

Purpose = Literal["against", "calibrate", "process", "workers"]
_PREFIX = "cpuperf-"
_LOCK = "in-use"
# Longer than it takes to lock a folder that was just made.
_NEW_SECONDS = 60.0


@contextlib.contextmanager
def scratch_folder(purpose: Purpose) -> Iterator[Path]:
    """Yield a new folder that holds a lock and nothing else; `purpose` is in its name.

    Those that processes left that were killed are taken away. Raises UsageError where none can be made.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{purpose}-")).resolve()
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            stack.enter_context(FileLock(folder / _LOCK))  # let go by the system, too, however this process ends
        except OSError as error:
            where = "set TMPDIR to a folder that can be written to and has room"
            raise UsageError(f"cannot make a temporary folder: {error.strerror or error}", where) from None
        stack.callback(_empty, folder)
        _remove_left_beside(folder)
        yield folder


def remove_if_left(folder: Path) -> None:
    """Take a folder away that a process left that was killed: it is ours, and its lock is free."""
    if folder.is_symlink() or (hasattr(os, "getuid") and folder.stat().st_uid != os.getuid()):
        return
    if not (folder / _LOCK).is_file():
        return
    with contextlib.suppress(Timeout, OSError):
        with FileLock(folder / _LOCK, timeout=0):
            _empty(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _empty(folder: Path) -> None:
    """Take away all but the lock, which says whose the folder is should this be interrupted."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            elif entry.name != _LOCK:
                os.unlink(entry.path)


def _remove_left_beside(folder: Path) -> None:
    ours = (f"{_PREFIX}{purpose}-????????" for purpose in get_args(Purpose))
    for other in (found for name in ours for found in folder.parent.glob(name)):
        with contextlib.suppress(OSError):
            remove_if_left(other)
            if folder.stat().st_mtime - other.lstat().st_mtime > _NEW_SECONDS:
                other.rmdir()  # of a process that was killed before it locked it: nothing is in it
