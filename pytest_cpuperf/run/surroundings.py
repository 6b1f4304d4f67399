"""What of a test is outside its placement, read after each measurement, while what it measured still exists.

When the test ends, its sessions are gone: an onnxruntime pool that sets its own affinity ends with its session.
"""

from __future__ import annotations

from dataclasses import replace

from pytest_cpuperf.machine.memory import memory_elsewhere
from pytest_cpuperf.machine.pin import Pin, StrayThread
from pytest_cpuperf.machine.threads import all_run_seconds, has_run
from pytest_cpuperf.machine.topology import Topology
from pytest_cpuperf.results.placement import MUCH_ELSEWHERE, Placement
from pytest_cpuperf.results.remarks import Remark
from pytest_cpuperf.results.remarks.surroundings import MemoryElsewhere, ThreadsOutside


class Surroundings:
    """What was found outside one test's placement."""

    def __init__(self, pin: Pin, topology: Topology) -> None:
        self._pin = pin
        self._topology = topology
        self._strays: dict[int, StrayThread] = {}
        self._memory: float | None = None
        self._ran = all_run_seconds()

    def after_measurement(self) -> list[Remark]:
        """Return remarks on the measurement that has just ended: on threads that ran since the last, and on memory."""
        strays = self._read()
        before, self._ran = self._ran, all_run_seconds()
        # A thread that was born meanwhile has run since 0.
        ran = [s for s in strays if has_run(before.get(s.thread, 0.0), self._ran.get(s.thread))]
        remarks: list[Remark] = []
        if ran:
            names = tuple(dict.fromkeys(s.name for s in ran))
            outside = frozenset().union(*(s.cpus for s in ran)) - self._pin.cpus
            remarks.append(ThreadsOutside(len(ran), names, tuple(sorted(outside))))
        if self._memory is not None and self._memory > MUCH_ELSEWHERE:
            remarks.append(MemoryElsewhere(self._memory))
        return remarks

    def of_test(self, placement: Placement) -> Placement:
        """Return the placement with all that was outside it, after a measurement or now."""
        self._read()
        return replace(placement, strays=tuple(map(str, self._strays.values())), memory_elsewhere=self._memory)

    def _read(self) -> tuple[StrayThread, ...]:
        strays = self._pin.strays()
        self._strays.update((s.thread, s) for s in strays)
        share = memory_elsewhere(self._topology, self._pin.cpus)
        if share is not None:
            self._memory = max(share, self._memory or 0.0)
        return strays
