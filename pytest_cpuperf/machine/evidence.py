"""What the machine did while something was timed: steal, other processes, waiting, throttling.

All of it is read from counters before and after; the difference is the evidence. A counter that a system does not
have is None, never zero. Sources: proc_stat(5), Documentation/scheduler/sched-stats.rst (the per-task `schedstat`),
cgroup-v2.rst (`cpu.stat`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_cpuperf.machine.limits import read_limits
from pytest_cpuperf.results.records import Evidence

# The rule by which blocks are set aside, written down before anything is measured and blind to what was measured.
# A block is disturbed when more than this share of the time our threads wanted a CPU was spent waiting for one
# while others ran there; or, where the kernel does not count waiting, when others took this share of the CPUs; or
# when the hypervisor did; or when the quota stopped us.
DISTURBED_SHARE = 0.05
# /proc/stat counts in ticks: over a short block it is off by a tick or two for each CPU.
_ERROR_TICKS = 2


@dataclass(frozen=True)
class Counters:
    """The counters at one moment. Times in seconds."""

    wall: float
    own: float
    """CPU time of this process, all threads and ended children."""
    busy: float | None
    """Time the placement's CPUs were neither idle nor stolen."""
    steal: float | None
    waited: float | None
    throttled: int | None
    switches: int | None


class Watch:
    """Reads the counters that matter for one placement."""

    def __init__(self, cpus: Iterable[int]) -> None:
        self._names = tuple(f"cpu{c} ".encode() for c in cpus)
        self._ticks_per_second = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
        self._throttle_file = read_limits().throttle_file

    def read(self) -> Counters:
        """Return the counters now. Costs well under a millisecond; call it between blocks, not in them."""
        busy, steal = self._stat()
        times = os.times()
        return Counters(
            wall=time.perf_counter(),
            own=time.process_time() + times.children_user + times.children_system,
            busy=busy,
            steal=steal,
            waited=_waited_seconds(),
            throttled=_stat_value(self._throttle_file, "nr_throttled"),
            switches=_involuntary_switches(),
        )

    def between(self, first: Counters, last: Counters) -> Evidence:
        """Return what happened between two readings, and whether it disturbed them."""
        wall = last.wall - first.wall
        own = last.own - first.own
        busy = _difference(first.busy, last.busy)
        evidence = Evidence(
            wall_seconds=wall,
            own_seconds=own,
            steal_seconds=_difference(first.steal, last.steal),
            others_seconds=None if busy is None else max(0.0, busy - own),
            waited_seconds=_difference(first.waited, last.waited),
            throttled_periods=_count_difference(first.throttled, last.throttled),
            involuntary_switches=_count_difference(first.switches, last.switches),
            cpus=max(1, len(self._names)),
        )
        return with_disturbance(evidence, self._ticks_per_second)

    def _stat(self) -> tuple[float | None, float | None]:
        try:
            with open("/proc/stat", "rb") as file:
                lines = file.read().splitlines()
        except OSError:
            return None, None
        busy = steal = 0
        for line in lines:
            if line.startswith(self._names):
                # user nice system idle iowait irq softirq steal guest guest_nice; guest is in user already
                ticks = [int(word) for word in line.split()[1:9]]
                steal += ticks[7] if len(ticks) > 7 else 0
                busy += ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]
        return busy / self._ticks_per_second, steal / self._ticks_per_second


def with_disturbance(evidence: Evidence, ticks_per_second: int = 100) -> Evidence:
    """Return the evidence with `disturbance` filled in by the rule above."""
    capacity = evidence.wall_seconds * evidence.cpus
    error = _ERROR_TICKS * evidence.cpus / ticks_per_second
    others, steal, waited = evidence.others_seconds, evidence.steal_seconds or 0.0, evidence.waited_seconds
    reasons: list[tuple[float, str]] = []
    if waited is not None:
        # A process with more threads than CPUs waits for itself: that is no disturbance, so others must be seen too.
        share = waited / (waited + evidence.own_seconds) if waited else 0.0
        if share > DISTURBED_SHARE and (others or 0.0) + steal >= _ERROR_TICKS / ticks_per_second:
            reasons.append((share, f"other processes kept it waiting for {share:.0%} of its time"))
    elif others is not None and others - error > DISTURBED_SHARE * capacity:
        reasons.append((others / capacity, f"other processes took {min(1.0, others / capacity):.0%} of its CPUs"))
    if steal - error > DISTURBED_SHARE * capacity:
        reasons.append((steal / capacity, f"the hypervisor took {min(1.0, steal / capacity):.0%} of its CPUs"))
    if evidence.throttled_periods:
        reasons.append((1.0, f"the CPU quota stopped it {evidence.throttled_periods} times"))
    return replace(evidence, disturbance=max(reasons)[1] if reasons else None)


def total(parts: Iterable[Evidence]) -> Evidence | None:
    """Return the sum of some blocks' evidence, its `disturbance` by the same rule; None for no blocks."""
    parts = list(parts)
    if not parts:
        return None

    def added(name: str) -> float | None:
        values = [getattr(p, name) for p in parts]
        return None if any(v is None for v in values) else sum(values)

    def counted(name: str) -> int | None:
        value = added(name)
        return None if value is None else int(value)

    return with_disturbance(
        Evidence(
            wall_seconds=sum(p.wall_seconds for p in parts),
            own_seconds=sum(p.own_seconds for p in parts),
            steal_seconds=added("steal_seconds"),
            others_seconds=added("others_seconds"),
            waited_seconds=added("waited_seconds"),
            throttled_periods=counted("throttled_periods"),
            involuntary_switches=counted("involuntary_switches"),
            cpus=parts[0].cpus,
        )
    )


def _waited_seconds() -> float | None:
    """Return how long this process's threads were ready and did not run, summed over threads alive now."""
    waited = 0
    try:
        for thread in os.listdir("/proc/self/task"):
            try:
                text = Path(f"/proc/self/task/{thread}/schedstat").read_bytes()
            except FileNotFoundError:
                continue
            waited += int(text.split()[1])
    except (OSError, IndexError, ValueError):
        return None
    return waited / 1e9


def _involuntary_switches() -> int | None:
    try:
        import resource  # not on Windows
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


def _stat_value(path: Path | None, key: str) -> int | None:
    if path is None:
        return None
    try:
        for line in path.read_text().splitlines():
            name, _, value = line.partition(" ")
            if name == key:
                return int(value)
    except (OSError, ValueError):
        return None
    return None


def _difference(first: float | None, last: float | None) -> float | None:
    return None if first is None or last is None else max(0.0, last - first)


def _count_difference(first: int | None, last: int | None) -> int | None:
    return None if first is None or last is None else max(0, last - first)
