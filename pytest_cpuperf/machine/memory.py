"""On which NUMA nodes this process's memory lies (`/proc/self/numa_maps`), and how much it needs at most; proc(5).

Pages lie where they were first touched: a test is pinned before its fixtures allocate, but what was allocated before
(a model loaded by an earlier test) stays where it is, and is read from afar.
"""

from __future__ import annotations

import contextlib
import ctypes
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_cpuperf.machine.topology import LIVE, Topology

_PAGES = re.compile(r" N(\d+)=(\d+)")
_LIBRARY = re.compile(r" file=\S*\.so\b| file=\S*/bin/")
_PAGE_KB = re.compile(r" kernelpagesize_kB=(\d+)")


def memory_elsewhere(topology: Topology, cpus: Iterable[int], root: Path = LIVE) -> float | None:
    """Return the share (0 to 1) of this process's memory on nodes other than those of `cpus`.

    None where the machine has one node with memory, or the kernel does not tell.
    """
    if len([n for n, size in topology.memory_bytes.items() if size]) < 2:
        return None
    try:
        text = (root / "proc/self/numa_maps").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    kilobytes: Counter[int] = Counter()
    for line in text.splitlines():
        if _LIBRARY.search(line):
            continue  # shared with other processes, and placed by whoever read them first; mapped weights do count
        size = _PAGE_KB.search(line)
        for node, pages in _PAGES.findall(line):
            kilobytes[int(node)] += int(pages) * (int(size[1]) if size else 4)
    total = sum(kilobytes.values())
    if total == 0:
        return None
    near = {n for n, members in topology.numa_nodes.items() if set(members) & set(cpus)}
    return sum(size for node, size in kilobytes.items() if node not in near) / total


@dataclass
class PeakMemory:
    """How much more memory was resident at most than at the start; None where the kernel does not tell."""

    added_bytes: int | None = None


@contextlib.contextmanager
def peak_memory() -> Iterator[PeakMemory]:
    """Yield what is filled in at the end: how far the process's resident memory rose meanwhile.

    Memory that a framework's own arena had kept from before and gives out again does not show.
    """
    peak = PeakMemory()
    _give_back_freed()
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts anew
        before = _status_bytes("VmRSS")
    except OSError:
        before = None
    yield peak
    most = _status_bytes("VmHWM") if before is not None else None
    if most is not None and before is not None:
        peak.added_bytes = max(0, most - before)


def _give_back_freed() -> None:
    """Have the C library give the system what was freed and kept: it would be given out again unseen."""
    with contextlib.suppress(OSError, AttributeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)


def _status_bytes(key: str) -> int | None:
    try:
        found = re.search(rf"^{key}:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None
