"""Parts: files that are written beside another one, to take its name when they are whole."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from pytest_cpuperf.system.locks import lock

_PREFIX, _SUFFIX = ".cpuperf-", ".part"
# Windows has neither.
_NO_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)


@contextlib.contextmanager
def part_in(folder: Path, data: bytes) -> Iterator[str]:
    """Yield the path of a new file with some data; it is gone afterwards, unless it has another name by then.

    Those that were left by processes that were killed are removed. Raises OSError where it cannot be written.
    """
    _remove_left(folder)
    handle, name = _new(folder)
    held = os.dup(handle)  # and so locked, though it is closed: closing it tells of errors that writing did not
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        if os.name == "nt":
            os.close(held)  # Windows renames no open file
            held = -1
        yield name
    finally:
        if held >= 0:
            os.close(held)
        with contextlib.suppress(OSError):
            os.unlink(name)


def _new(folder: Path) -> tuple[int, str]:
    """Return the handle and the path of a new file that is locked."""
    import tempfile  # with random and shutil, where something is written

    while True:
        handle, name = tempfile.mkstemp(dir=folder, prefix=_PREFIX, suffix=_SUFFIX)
        lock(handle)
        if os.name == "nt" or os.fstat(handle).st_nlink:
            return handle, name
        os.close(handle)  # another process took it for one that was left, before it was locked


def _remove_left(folder: Path) -> None:
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            if name.startswith(_PREFIX) and name.endswith(_SUFFIX):
                _remove_if_left(os.path.join(folder, name))


def _remove_if_left(name: str) -> None:
    with contextlib.suppress(OSError):
        handle = os.open(name, os.O_RDONLY | _NO_WAITING)
        try:
            if lock(handle):
                os.unlink(name)
        finally:
            os.close(handle)
