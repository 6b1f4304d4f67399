"""Thread counts of the frameworks a process has loaded. Nothing here imports a framework that is not loaded."""

from __future__ import annotations

import sys


def torch_threads() -> int | None:
    """Return torch's intra-op thread count, or None where torch is not loaded."""
    torch = sys.modules.get("torch")
    # A module that is still being imported, or failed to, has no such function yet.
    get = getattr(torch, "get_num_threads", None)
    return int(get()) if get is not None else None


def set_torch_threads(count: int) -> None:
    """Set torch's intra-op thread count where torch is loaded; it has one OpenMP pool per process."""
    set_num_threads = getattr(sys.modules.get("torch"), "set_num_threads", None)
    if set_num_threads is not None and torch_threads() != count:
        set_num_threads(count)
