"""What the machine did while something was timed: steal, other processes, waiting, throttling, pressure, migrations.

All of it is read from counters before and after; the difference is the evidence. A counter that a system does not
have is None, never zero. Sources: proc_stat(5), Documentation/scheduler/sched-stats.rst (the per-task `schedstat`),
scheduler/sched-debug.rst (`nr_migrations`), cgroup-v2.rst (`cpu.stat`), accounting/psi.rst (pressure).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_cpuperf.machine.limits import pressure_file, read_limits
from pytest_cpuperf.results.evidence import Evidence

# The rule by which blocks are set aside, written down before anything is measured and blind to what was measured.
# A block is disturbed when more than this share of the time our threads wanted a CPU was spent waiting for one
# while others ran there (waiting for each other does not count); or, where the kernel does not count waiting, when
# others took this share of the CPUs; or when the hypervisor did; or when memory ran short for this share of the
# time; or when the quota stopped us. Migrations and CPU pressure are told and decide nothing: threads of our own
# cause both.
DISTURBED_SHARE = 0.05
# /proc/stat counts in ticks: over a short block it is off by a tick or two for each CPU.
_ERROR_TICKS = 2


@dataclass(frozen=True)
class ProcessCounters:
    """One process's counters at one moment, summed over its threads."""

    cpu_seconds: float
    """CPU time, ended threads and children included."""
    waited_seconds: float | None
    """Time its threads were ready to run and did not; of the threads alive now."""
    involuntary_switches: int | None
    migrations: int | None
    """How often its threads changed CPUs; of the threads alive now."""


@dataclass(frozen=True)
class Counters:
    """The counters at one moment. Times in seconds."""

    wall: float
    busy: float | None
    """Time the placement's CPUs were neither idle nor stolen."""
    steal: float | None
    throttled: int | None
    cpu_pressure: float | None
    memory_pressure: float | None
    processes: tuple[ProcessCounters, ...]
    """This process, and the one in which the other side runs, if any."""

    def own(self, name: str) -> float | None:
        """Return the sum of a counter over our processes; None where one of them does not have it."""
        values = [getattr(p, name) for p in self.processes]
        return None if None in values else sum(values)


class Watch:
    """Reads the counters that matter for one placement."""

    def __init__(self, cpus: Iterable[int], elsewhere: Sequence[Callable[[], ProcessCounters | None]] = ()) -> None:
        """Watch some CPUs. `elsewhere` read the counters of other processes that work for us there."""
        self._names = tuple(f"cpu{c} ".encode() for c in cpus)
        self._elsewhere = elsewhere
        self._ticks_per_second = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
        self._throttle_file = read_limits().throttle_file
        self._cpu_pressure_file = pressure_file("cpu")
        self._memory_pressure_file = pressure_file("memory")

    def read(self) -> Counters:
        """Return the counters now. Costs well under a millisecond; call it between blocks, not in them."""
        busy, steal = self._stat()
        return Counters(
            wall=time.perf_counter(),
            busy=busy,
            steal=steal,
            throttled=_stat_value(self._throttle_file, "nr_throttled"),
            cpu_pressure=_stalled_seconds(self._cpu_pressure_file),
            memory_pressure=_stalled_seconds(self._memory_pressure_file),
            processes=(read_process(), *(c for c in (read() for read in self._elsewhere) if c is not None)),
        )

    def between(self, first: Counters, last: Counters) -> Evidence:
        """Return what happened between two readings, and whether it disturbed them."""
        own = _difference(first.own("cpu_seconds"), last.own("cpu_seconds")) or 0.0
        busy = _difference(first.busy, last.busy)
        evidence = Evidence(
            wall_seconds=last.wall - first.wall,
            own_seconds=own,
            steal_seconds=_difference(first.steal, last.steal),
            others_seconds=None if busy is None else max(0.0, busy - own),
            waited_seconds=_difference(first.own("waited_seconds"), last.own("waited_seconds")),
            throttled_periods=_count(_difference(first.throttled, last.throttled)),
            involuntary_switches=_count(
                _difference(first.own("involuntary_switches"), last.own("involuntary_switches"))
            ),
            migrations=_count(_difference(first.own("migrations"), last.own("migrations"))),
            cpu_pressure_seconds=_difference(first.cpu_pressure, last.cpu_pressure),
            memory_pressure_seconds=_difference(first.memory_pressure, last.memory_pressure),
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
        # A process with more threads than CPUs waits for itself, and that is no disturbance: of its waiting no more is
        # put down to others than the time they ran.
        taken = (others or 0.0) + steal
        waited = min(waited, taken)
        share = waited / (waited + evidence.own_seconds) if waited else 0.0
        if share > DISTURBED_SHARE and taken >= _ERROR_TICKS / ticks_per_second:
            reasons.append((share, f"other processes kept it waiting for {share:.0%} of its time"))
    elif others is not None and others - error > DISTURBED_SHARE * capacity:
        reasons.append((others / capacity, f"other processes took {min(1.0, others / capacity):.0%} of its CPUs"))
    if steal - error > DISTURBED_SHARE * capacity:
        reasons.append((steal / capacity, f"the hypervisor took {min(1.0, steal / capacity):.0%} of its CPUs"))
    short = (evidence.memory_pressure_seconds or 0.0) / evidence.wall_seconds if evidence.wall_seconds else 0.0
    if short > DISTURBED_SHARE:
        reasons.append((short, f"memory ran short for {min(1.0, short):.0%} of its time"))
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
        return None if None in values else sum(values)

    return with_disturbance(
        Evidence(
            wall_seconds=sum(p.wall_seconds for p in parts),
            own_seconds=sum(p.own_seconds for p in parts),
            steal_seconds=added("steal_seconds"),
            others_seconds=added("others_seconds"),
            waited_seconds=added("waited_seconds"),
            throttled_periods=_count(added("throttled_periods")),
            involuntary_switches=_count(added("involuntary_switches")),
            migrations=_count(added("migrations")),
            cpu_pressure_seconds=added("cpu_pressure_seconds"),
            memory_pressure_seconds=added("memory_pressure_seconds"),
            cpus=parts[0].cpus,
        )
    )


def read_process() -> ProcessCounters:
    """Return the counters of this process now."""
    times = os.times()
    waited, migrations = _threads()
    return ProcessCounters(
        cpu_seconds=time.process_time() + times.children_user + times.children_system,
        waited_seconds=waited,
        involuntary_switches=_involuntary_switches(),
        migrations=migrations,
    )


def _threads() -> tuple[float | None, int | None]:
    """Return the seconds that this process's threads waited for a CPU, and how often they changed it."""
    waited, migrations = 0, 0
    counted = True
    try:
        for thread in os.listdir("/proc/self/task"):
            try:
                waited += int(Path(f"/proc/self/task/{thread}/schedstat").read_bytes().split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue  # the thread ended
            moved = _thread_migrations(thread)
            counted = counted and moved is not None
            migrations += moved or 0
    except (OSError, IndexError, ValueError):
        return None, None
    return waited / 1e9, migrations if counted else None


def _thread_migrations(thread: str) -> int | None:
    try:
        _, found, rest = Path(f"/proc/self/task/{thread}/sched").read_bytes().partition(b"nr_migrations")
        return int(rest.split(b"\n", 1)[0].split(b":")[1]) if found else None
    except (OSError, IndexError, ValueError):
        return None  # a kernel without CONFIG_SCHED_DEBUG has no such file


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


def _stalled_seconds(path: Path | None) -> float | None:
    """Return how long at least one task has been stalled, from a file of pressure stall information."""
    if path is None:
        return None
    try:
        some = path.read_text().partition("\n")[0]
        return int(some.rpartition("total=")[2]) / 1e6
    except (OSError, ValueError):
        return None


def _difference(first: float | None, last: float | None) -> float | None:
    return None if first is None or last is None else max(0.0, last - first)


def _count(value: float | None) -> int | None:
    return None if value is None else int(value)
