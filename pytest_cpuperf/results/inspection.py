"""What `cpuperf inspect` saw of a live server: schema `cpuperf/inspection/1`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

SCHEMA = "cpuperf/inspection/1"


@dataclass(frozen=True)
class InspectedProcess:
    """One process over the sampling time."""

    pid: int
    parent: int
    role: str
    """`worker` computes; `launcher` and `parent` started one and wait; `other` has no compute library loaded."""
    command: str
    libraries: tuple[str, ...]
    """Compute libraries it has loaded."""
    threads: dict[str, int]
    """How many threads have each name."""
    compute_threads: int
    """Those named as the process is: its main thread and the pools of OpenMP and onnxruntime."""
    masks: tuple[tuple[tuple[int, ...], int], ...]
    """Each different mask and how many threads have it."""
    cpus: tuple[int, ...]
    """CPUs its compute threads may use."""
    nodes: tuple[int, ...]
    variables: dict[str, str]
    """Thread variables in its environment."""
    wanted_cpus: float
    """CPUs' worth of time its threads ran or were ready to run."""
    ran_cpus: float
    voluntary_per_second: float
    involuntary_per_second: float


@dataclass(frozen=True)
class Problem:
    """Something a server loses speed by, and what to change."""

    name: str
    """`oversubscribed`, `overlap`, `crosses-nodes`, `shared-cores`, `launcher-off`, `launcher-not-in-effect`, …"""
    message: str


@dataclass(frozen=True)
class Inspection:
    """A server's processes, what is wrong with them, and settings that would be right."""

    processes: tuple[InspectedProcess, ...]
    usable: int
    """CPUs' worth of work the server's cgroup allows."""
    cpus: tuple[int, ...]
    """CPUs its cgroup allows."""
    quota: float | None
    throttled: tuple[int, int] | None
    """Periods throttled and periods so far, where there is a quota."""
    seconds: float
    """How long it was looked at."""
    pinned: bool
    """Every worker has CPUs of its own, on one node and one thread a core."""
    verdict: str
    problems: tuple[Problem, ...]
    settings: tuple[str, ...]
    """Exact lines to change or to run."""

    def plain(self) -> dict[str, Any]:
        """Return the `cpuperf/inspection/1` document."""
        return {"schema": SCHEMA, **asdict(self)}
