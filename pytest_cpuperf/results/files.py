"""Writing files: whole or not at all, and nothing that is not ours to write."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import stat
import sys
from io import FileIO
from pathlib import Path
from typing import Any

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.system.parts import part_in


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8, as `write_bytes` does. Raises UsageError."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes, instead_of: bytes | None = None) -> None:
    """Write a file by renaming a temporary neighbour over it, so that an interruption leaves the old or the new one.
    Where that is the process's end, the neighbour goes when the next file is written into its folder.

    Owner, mode and extended attributes stay as they are. A file that has other names (hard links), or that cannot be
    replaced by one like it, is written in place. Devices, FIFOs and streams of this process are written to. Raises
    UsageError where the file cannot be written, is read-only or a symbolic link to a file, or no longer holds
    `instead_of`.
    """
    own = _own_stream(path)
    if own is not None:
        _write_own_stream(path, own, data)
        return
    status = _status(path)
    if status is not None and _takes_a_stream(status):
        _write_stream(path, data)
        return
    _refuse(path, status)
    try:
        if status is not None and status.st_nlink > 1:
            _write_in_place(path, data, instead_of)
        else:
            try:
                _replace(path, data, status, instead_of)
            except OSError as error:
                if status is None or error.errno not in _NOT_REPLACEABLE:
                    raise
                _write_in_place(path, data, instead_of)
    except OSError as error:
        hint = "name a file in a folder you may write to" if status is None else None
        raise UsageError(f"cannot write {path}: {error.strerror}", hint) from None


def read_regular(path: Path) -> bytes:
    """Return a file's bytes. Raises OSError for a link and for what is no regular file, which reading may wait for."""
    with open(path, "rb", opener=lambda p, flags: os.open(p, flags | _NO_FOLLOW | _NO_WAITING)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "expected a file, found something else")
        return file.read()


def append_text(path: Path, text: str) -> None:
    """Append text as UTF-8 to a file others append to as well. Raises UsageError as `write_bytes` does."""
    own = _own_stream(path)
    if own is not None:
        _write_own_stream(path, own, text.encode("utf-8"))
        return
    status = _status(path)
    if status is not None and _takes_a_stream(status):
        _write_stream(path, text.encode("utf-8"))
        return
    _refuse(path, status)
    try:
        with open(path, "a", encoding="utf-8", opener=lambda p, flags: os.open(p, flags | _NO_FOLLOW, 0o666)) as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None


# Windows has none of these.
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NO_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
# Another's file in a folder of ours, a folder that is not ours, or a file that is a mount of its own.
_NOT_REPLACEABLE = (errno.EPERM, errno.EACCES, errno.EBUSY, errno.EXDEV, errno.ENOTSUP)


def _own_stream(path: Path) -> int | None:
    """Return the handle of this process that a path names (`/dev/stdout`, `/dev/fd/3`), or None."""
    folder, _, name = os.fspath(path).rpartition("/")
    if folder in ("/dev/fd", "/proc/self/fd") and name.isascii() and name.isdecimal():
        return int(name)
    return {"stdout": 1, "stderr": 2}.get(name) if folder == "/dev" else None


def _write_own_stream(path: Path, handle: int, data: bytes) -> None:
    """Write where a handle stands. Opened by its path, a file would be written from its beginning."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()  # what was said before comes before
    try:
        with open(os.dup(handle), "wb", buffering=0) as own:
            _write_all(own, data)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None


def _status(path: Path) -> os.stat_result | None:
    """Return what there is, through a link only where that leads to no file; None for nothing."""
    try:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            with contextlib.suppress(OSError):
                meant = os.stat(path)
                return meant if _takes_a_stream(meant) else status
        return status
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None


def _takes_a_stream(status: os.stat_result) -> bool:
    return stat.S_ISCHR(status.st_mode) or stat.S_ISFIFO(status.st_mode)


def _refuse(path: Path, status: os.stat_result | None) -> None:
    """Raise UsageError for what is not to be written, although the system may let us."""
    if status is None:
        return
    if stat.S_ISLNK(status.st_mode):
        raise UsageError(f"{path} is a symbolic link, which is not written through", "name the file it points to")
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"cannot write {path}: expected a file, found {_KINDS.get(stat.S_IFMT(status.st_mode))}")
    # To root, every file is writable; its mode says what its owner wants.
    if not status.st_mode & 0o222:
        raise UsageError(f"{path} is read-only and was not written", "make it writable first: chmod u+w")
    if not os.access(path, os.W_OK):
        raise UsageError(f"cannot write {path}: {os.strerror(_why_not(path))}")


def _why_not(path: Path) -> int:
    """Return the error that writing to a file would give."""
    try:
        os.close(os.open(path, os.O_WRONLY | _NO_FOLLOW | _NO_WAITING))
    except OSError as error:
        return error.errno or errno.EACCES
    return errno.EACCES


_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFBLK: "a block device", stat.S_IFSOCK: "a socket"}


def _write_stream(path: Path, data: bytes) -> None:
    """Write to a device or a FIFO. One that nobody reads is an error: opening it would wait for ever."""
    try:
        handle = os.open(path, os.O_WRONLY | _NO_WAITING)
    except OSError as error:
        nobody = error.errno == errno.ENXIO
        hint = "start what reads it first" if nobody else None
        what = "nothing reads from it" if nobody else error.strerror
        raise UsageError(f"cannot write {path}: {what}", hint) from None
    with os.fdopen(handle, "wb", buffering=0) as stream:
        if _NO_WAITING:
            os.set_blocking(handle, True)
        try:
            _write_all(stream, data)
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}") from None


def _replace(path: Path, data: bytes, status: os.stat_result | None, instead_of: bytes | None) -> None:
    """Write a neighbour that is like the file, and rename it over the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with part_in(path.parent, data) as part:
        if status is None:
            os.chmod(part, 0o666 & ~_umask())
        else:
            _make_alike(path, status, part)
        if instead_of is not None:
            _refuse_change(path, read_regular(path), instead_of)  # right before: what is written later is lost
        os.replace(part, path)


def _make_alike(path: Path, status: os.stat_result, temporary: str) -> None:
    """Give a file the owner, mode and extended attributes (access lists among them) of another. Raises OSError."""
    own = os.stat(temporary)
    if (own.st_uid, own.st_gid) != (status.st_uid, status.st_gid):
        os.chown(temporary, status.st_uid, status.st_gid)
    os.chmod(temporary, stat.S_IMODE(status.st_mode))
    if hasattr(os, "listxattr"):
        try:
            names = os.listxattr(path)
        except OSError:
            names = []  # a file system that has none
        for name in names:
            value = os.getxattr(path, name)
            if name not in os.listxattr(temporary) or os.getxattr(temporary, name) != value:
                os.setxattr(temporary, name, value)


def _write_in_place(path: Path, data: bytes, instead_of: bytes | None) -> None:
    """Write over a file's content; what goes wrong on the way puts the old content back."""
    with open(path, "r+b", buffering=0, opener=lambda p, flags: os.open(p, flags | _NO_FOLLOW | _NO_WAITING)) as file:
        before = file.read()
        if instead_of is not None:
            _refuse_change(path, before, instead_of)
        try:
            _overwrite(file, data)
        except BaseException:
            _overwrite(file, before)
            raise


def _overwrite(file: FileIO, data: bytes) -> None:
    file.seek(0)
    _write_all(file, data)
    file.truncate()


def _write_all(file: FileIO, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def _refuse_change(path: Path, found: bytes, expected: bytes) -> None:
    if found != expected:
        raise UsageError(f"{path} was changed meanwhile and was not written", "run the command again")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write a document as JSON, whole or not at all; figures that are no numbers become null."""
    write_text(path, json.dumps(_finite(document), indent=1, allow_nan=False) + "\n")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return value
