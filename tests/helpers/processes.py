"""Processes that tests start, as Linux shows them."""

import time
from pathlib import Path


def within(seconds, condition):
    """Return what a condition gives once that is true, or what it gives when so many seconds are over."""
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


def children(process):
    """Return the ids of a process's children; none where it is gone."""
    try:
        return [int(c) for c in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def are_gone(processes):
    """Return whether none of some processes is there any more."""
    return not any(Path(f"/proc/{process}").exists() for process in processes)
