"""What the machine did during some blocks, besides the work that was timed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Evidence:
    """What the machine did during some blocks, besides the work that was timed."""

    wall_seconds: float
    own_seconds: float
    """CPU time of our process, all threads."""
    steal_seconds: float | None = None
    """Time the hypervisor gave the placement's CPUs to other guests (`/proc/stat`)."""
    others_seconds: float | None = None
    """Time other processes ran on the placement's CPUs (`/proc/stat` less our own)."""
    waited_seconds: float | None = None
    """Time our threads were ready to run and did not (`/proc/self/task/*/schedstat`)."""
    throttled_periods: int | None = None
    """Periods in which the quota stopped us (`cpu.stat`)."""
    involuntary_switches: int | None = None
    migrations: int | None = None
    """How often our threads changed CPUs (`/proc/self/task/*/sched`)."""
    cpu_pressure_seconds: float | None = None
    """Time a task of our cgroup, or of the machine, was ready and had no CPU (`cpu.pressure`)."""
    memory_pressure_seconds: float | None = None
    """Time such a task was stalled for want of memory (`memory.pressure`)."""
    cpus: int = 1
    """CPUs in the placement; the seconds above can reach `wall_seconds * cpus`."""
    disturbance: str | None = None
    """Why these blocks are set aside, or None."""
