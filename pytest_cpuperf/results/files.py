"""Writing result files: whole or not at all."""

from __future__ import annotations

import contextlib
import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

from pytest_cpuperf.errors import UsageError


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8, whole or not at all. Raises UsageError where that cannot be done."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to a neighbouring temporary file and rename it over `path`, keeping its mode.

    Raises UsageError where that cannot be done, or `path` is a symbolic link, which is not followed. An interruption
    leaves the old file, and nothing half-written.
    """
    _refuse_link(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o7777 if path.exists() else 0o666 & ~_umask()
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", "name a file in a folder you may write to") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            raise UsageError(f"cannot write {path}: {error.strerror}") from None
        raise


def append_text(path: Path, text: str) -> None:
    """Append text as UTF-8 to a file others append to as well. Raises UsageError; a symbolic link is not followed."""
    _refuse_link(path)
    no_follow = getattr(os, "O_NOFOLLOW", 0)
    try:
        with open(path, "a", encoding="utf-8", opener=lambda p, flags: os.open(p, flags | no_follow, 0o666)) as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None


def _refuse_link(path: Path) -> None:
    if path.is_symlink():
        raise UsageError(f"{path} is a symbolic link, which is not written through", "name the file it points to")


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
