"""Timing blocks of calls, and finding out when a function has warmed up and how long a block should be."""

from __future__ import annotations

import contextlib
import gc
import itertools
import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from statistics import median

from pytest_cpuperf.clock import now
from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.machine.evidence import ProcessCounters
from pytest_cpuperf.results.remarks import Remark

Work = Callable[[], object]

# A block is long against the loop around the call, a scheduler's slice, and the ticks that /proc/stat counts in.
_LONG_BLOCK_SECONDS = 0.05
# Reading the clock may be at most this share of a block: it takes tens of nanoseconds, and microseconds where a virtual
# machine has no fast clock.
_TIMER_SHARE = 1e-4
_WINDOW_SECONDS = 0.005
_MOST_CALLS = 10_000_000
# Between so few calls of a block the clock is read. More of them are too short for that.
_FEW_CALLS = 50
# So many calls take longer than any clock's tick.
_CALLS_A_CLOCK_SEES = 1000


class WorkElsewhereError(Exception):
    """Work in another process cannot be timed; the message says why."""


class NoSuchWorkError(WorkElsewhereError):
    """The other process has no such work, and that is no fault."""


class DisturbedWorkError(WorkElsewhereError):
    """The machine disturbed what was timed so much that nothing is left of it; it may be timed again."""


class TimeOverError(Exception):
    """Time was over before a block was: it was cut between two calls."""

    def __init__(self, calls: int, seconds: float) -> None:
        super().__init__(f"a block of {calls} calls was cut after {seconds:.3g} s")
        self.calls = calls
        """How many calls the block was to have."""
        self.seconds = seconds
        """How long it had taken until then."""


class SelfTimedWork(ABC):
    """Work that times its own blocks: another process does it, so that asking for one is not timed; it is begun in a
    place of its own; or its calls do unequal parts of a whole, and tell what an equal one would have taken.
    """

    @abstractmethod
    def time_block(self, calls: int, until: float = math.inf) -> float:
        """Return the seconds of a block.

        Raises TimeOverError where the clock passes `until` in it, WorkElsewhereError where another process should do it
        and cannot.
        """

    def counters(self) -> ProcessCounters | None:
        """Return the counters now of the process that does it, None for this one. Raises WorkElsewhereError."""
        return None

    def remarks(self) -> tuple[Remark, ...]:
        """Return remarks on what another process timed since the last time. Raises WorkElsewhereError."""
        return ()

    def __call__(self) -> None:
        """Do the work once."""
        self.time_block(1)


@dataclass(frozen=True)
class WarmUp:
    """What the warm-up of one side showed."""

    calls: int
    seconds: float
    seconds_per_call: float
    steady: bool
    """Whether calls had stopped getting faster before the time for warming up was over."""

    @property
    def calls_per_block(self) -> int:
        """How many calls fill a long block."""
        return self.calls_in(_LONG_BLOCK_SECONDS)

    def calls_in(self, seconds: float) -> int:
        """Return how many calls fill a block of so many seconds, or of more where reading the clock takes long."""
        return min(_MOST_CALLS, max(1, math.ceil(max(seconds, _shortest_seconds()) / max(self.seconds_per_call, 1e-9))))

    @property
    def seconds_per_block(self) -> float:
        """How long a long block takes."""
        return self.calls_per_block * self.seconds_per_call


@lru_cache(maxsize=1)
def _shortest_seconds() -> float:
    """Return how long a block must be for reading this system's clock not to count."""
    reads = [now() for _ in range(101)]
    return 2 * median(b - a for a, b in itertools.pairwise(reads)) / _TIMER_SHARE


def time_block(work: Work, calls: int, until: float = math.inf) -> float:
    """Return the seconds that `calls` calls take together. Whatever the work raises is let through.

    A call that has begun is never interrupted. Raises TimeOverError where the clock passes `until` between two calls.
    """
    if isinstance(work, SelfTimedWork):
        return work.time_block(calls, until)
    return _time_few(work, calls, until) if calls <= _FEW_CALLS else _time_many(work, calls, until)


def _time_few(work: Work, calls: int, until: float) -> float:
    start = now()
    for left in range(calls - 1, -1, -1):
        work()
        if left and now() >= until:
            raise TimeOverError(calls, now() - start)
    return now() - start


def _time_many(work: Work, calls: int, until: float) -> float:
    left = bytearray(calls)  # a loop over it ends when a thread empties it, which costs a call nothing
    alarm = threading.Timer(min(max(0.0, until - now()), threading.TIMEOUT_MAX), left.clear)
    alarm.daemon = True
    alarm.start()
    try:
        start = now()
        for _ in left:
            work()
        seconds = now() - start
    finally:
        alarm.cancel()
        alarm.join()
    if not left:
        raise TimeOverError(calls, seconds)
    return seconds


def warm_up(work: Work, cap_seconds: float, until: float = math.inf) -> WarmUp:
    """Call the work until it stops getting faster, or for `cap_seconds`; at least twice.

    Windows of calls are timed; the work is steady when the median of the last three windows is within 5 % of the
    median of the three before, or slower. Raises TimeOverError where the clock passes `until`: nothing can be measured
    any more. Raises UsageError where the clock stands still.
    """
    calls, per_window = 0, 1
    windows: list[float] = []
    began = now()
    while True:
        seconds = time_block(work, per_window, until)
        calls += per_window
        spent = now() - began
        if began + spent >= until:
            raise TimeOverError(per_window, seconds)
        if seconds <= 0 and per_window >= _CALLS_A_CLOCK_SEES:
            raise UsageError(
                f"{per_window} calls took no time by this system's clock, which stands still",
                "run without what replaces the clock, such as libfaketime",
            )
        if seconds < _WINDOW_SECONDS and per_window < _MOST_CALLS:
            # Too short to tell anything: longer windows, and start over.
            per_window *= max(2, min(10, math.ceil(_WINDOW_SECONDS / max(seconds, 1e-7))))
            windows.clear()
        else:
            windows.append(seconds / per_window)
            if _steady(windows, 3):
                return WarmUp(calls, spent, median(windows[-3:]), steady=True)
        if spent > cap_seconds and len(windows) >= 2:
            half = len(windows) // 2
            # So few windows are noisy: only a plain trend counts against them.
            settled = median(windows[-half:]) >= 0.85 * median(windows[:half])
            return WarmUp(calls, spent, median(windows[-3:]), settled)


def _steady(windows: list[float], span: int) -> bool:
    return len(windows) >= 2 * span and median(windows[-span:]) >= 0.95 * median(windows[-2 * span : -span])


@contextlib.contextmanager
def garbage_between_blocks() -> Iterator[Callable[[], object]]:
    """Switch automatic garbage collection off, and yield a function that collects, to be called between blocks.

    Objects that exist beforehand are frozen, so that a collection costs little however large the process is.
    """
    was_enabled = gc.isenabled()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield gc.collect
    finally:
        gc.unfreeze()
        if was_enabled:
            gc.enable()
