"""Putting every thread of this process on a set of CPUs, proving it, and putting everything back.

`sched_setaffinity(0)` moves one thread. OpenMP workers and onnxruntime pools that exist keep their masks, so each
thread in `/proc/self/task` is moved and read back; new threads inherit the mask of the thread that makes them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pytest_cpuperf.machine.frameworks import set_torch_threads, torch_threads
from pytest_cpuperf.results.figures import format_cpus

_TASKS = Path("/proc/self/task")


def can_pin() -> str | None:
    """Return None where threads can be pinned, else the reason why not."""
    if not hasattr(os, "sched_setaffinity"):
        return "this system has no CPU affinity that Python can set"
    if not _TASKS.is_dir():
        return "/proc/self/task is missing: the pin could not be read back"
    return None


@dataclass(frozen=True)
class StrayThread:
    """A thread that may run outside the pinned CPUs."""

    thread: int
    """Its native id."""
    name: str
    cpus: frozenset[int]
    """Where it may run."""

    def __str__(self) -> str:
        return f"{self.name} ({self.thread}): {format_cpus(self.cpus)}"


@dataclass
class Pin:
    """A pin in force. Made by `Pin.apply`, taken back by `restore`."""

    cpus: frozenset[int]
    masks: dict[int, frozenset[int]] = field(default_factory=dict)
    """Each thread's mask from before."""
    own_mask: frozenset[int] = frozenset()
    """The main thread's mask from before; what threads born under the pin get back."""
    torch_threads: int | None = None

    @classmethod
    def apply(cls, cpus: Iterable[int], torch_thread_count: int | None = None) -> Pin:
        """Pin every thread of the process and set torch's threads to one per CPU (or the count given).

        Raises OSError where the kernel refuses, after putting back what was moved.
        """
        pin = cls(frozenset(cpus))
        pin.own_mask = frozenset(os.sched_getaffinity(os.getpid()))
        pin.torch_threads = torch_threads()
        before = {thread: _mask(thread) for thread in _threads()}
        pin.masks = {thread: mask for thread, mask in before.items() if mask is not None}
        try:
            # Threads may be born while we walk: walk until a walk finds none that is outside.
            for _ in range(10):
                if not pin._move_threads():
                    break
            if pin.torch_threads is not None:
                set_torch_threads(torch_thread_count or len(pin.cpus))
        except BaseException:
            pin.restore()
            raise
        return pin

    def _move_threads(self) -> int:
        """Move each thread that is not on the CPUs, and return how many were moved."""
        moved = 0
        for thread in _threads():
            mask = _mask(thread)
            if mask is not None and mask != self.cpus and _set_mask(thread, self.cpus):
                self.masks.setdefault(thread, mask)
                moved += 1
        return moved

    def strays(self) -> tuple[StrayThread, ...]:
        """Return the threads that may run outside the pinned CPUs now."""
        found = []
        names = {t.native_id: t.name for t in threading.enumerate()}
        for thread in _threads():
            mask = _mask(thread)
            if mask is not None and not mask <= self.cpus:
                found.append(StrayThread(thread, names.get(thread) or _name(thread), mask))
        return tuple(found)

    def restore(self) -> None:
        """Give every thread its mask from before and torch its thread count; threads born since get the main one's."""
        for thread in _threads():
            _set_mask(thread, self.masks.get(thread, self.own_mask), quiet=True)
        if self.torch_threads is not None:
            set_torch_threads(self.torch_threads)


def start_on(cpu: int) -> None:
    """Put the calling thread on a CPU and leave it free to move within its mask, as the threads it makes are.

    It stays there while nothing else wants that CPU: so two processes that take turns run on one and the same, and not
    each on the CPU it happened to wake on, which may be the slower one of a shared core. Does nothing where threads
    cannot be pinned, or the CPU is not in the mask.
    """
    if not hasattr(os, "sched_setaffinity"):
        return
    mask = os.sched_getaffinity(0)
    if cpu in mask and len(mask) > 1:
        try:
            os.sched_setaffinity(0, {cpu})
        finally:
            os.sched_setaffinity(0, mask)


def _threads() -> list[int]:
    return [int(t) for t in os.listdir(_TASKS)]


def _mask(thread: int) -> frozenset[int] | None:
    try:
        return frozenset(os.sched_getaffinity(thread))
    except ProcessLookupError:
        return None


def _set_mask(thread: int, cpus: frozenset[int], quiet: bool = False) -> bool:
    try:
        os.sched_setaffinity(thread, cpus)
    except ProcessLookupError:  # the thread ended
        return False
    except OSError:
        if quiet:
            return False
        raise
    return True


def _name(thread: int) -> str:
    try:
        return (_TASKS / str(thread) / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "a thread that ended"
