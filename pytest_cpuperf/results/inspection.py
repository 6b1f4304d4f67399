"""What `cpuperf inspect` saw of a live server: schema `cpuperf/inspection/1`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from pytest_cpuperf.results.codec import Kinds

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
    threads: Mapping[str, int]
    """How many threads have each name."""
    compute_threads: int
    """Those named as the process is: its main thread and the pools of OpenMP and onnxruntime."""
    masks: tuple[tuple[tuple[int, ...], int], ...]
    """Each different mask and how many threads have it."""
    cpus: tuple[int, ...]
    """CPUs its compute threads may use."""
    nodes: tuple[int, ...]
    variables: Mapping[str, str]
    """Thread variables in its environment."""
    wanted_cpus: float
    """CPUs' worth of time its threads ran or were ready to run."""
    ran_cpus: float
    voluntary_per_second: float
    involuntary_per_second: float


class Problem(Kinds, family=True):
    """Something a server loses speed by; `kind` is its name. `reports.inspection` words it."""


@dataclass(frozen=True)
class LauncherOff(Problem):
    """TorchServe's configuration does not ask for the launcher."""

    kind: ClassVar[str] = "launcher-off"
    config: str
    """Where that was read."""


@dataclass(frozen=True)
class LauncherNotInEffect(Problem):
    """The configuration asks for the launcher, and workers run without it."""

    kind: ClassVar[str] = "launcher-not-in-effect"
    config: str
    pids: tuple[int, ...]


@dataclass(frozen=True)
class Oversubscribed(Problem):
    """Threads want more CPUs than there are for them; or, idle for now, there are more of them than CPUs."""

    kind: ClassVar[str] = "oversubscribed"
    factor: float
    """How many times the CPUs that they may use they want, or are."""
    wanted_cpus: float
    """CPUs' worth of time that their threads ran or were ready to run."""
    compute_threads: int
    usable: int
    """CPUs' worth of work that these threads may do at once."""
    pids: tuple[int, ...] = ()
    """The workers that share `cpus`; empty for all workers of the server."""
    cpus: tuple[int, ...] = ()
    idle: bool = False
    """Whether the threads wait for work, and their number alone is too high."""


@dataclass(frozen=True)
class Overlap(Problem):
    """Workers share CPUs."""

    kind: ClassVar[str] = "overlap"
    pids: tuple[int, ...]
    cpus: tuple[int, ...]


@dataclass(frozen=True)
class CrossesNodes(Problem):
    """Workers may run on several NUMA nodes."""

    kind: ClassVar[str] = "crosses-nodes"
    pids: tuple[int, ...]
    nodes: tuple[int, ...]


@dataclass(frozen=True)
class SharedCores(Problem):
    """Workers run on hyperthreads of one core."""

    kind: ClassVar[str] = "shared-cores"
    pids: tuple[int, ...]
    cpus: tuple[int, ...]
    """The core's."""


@dataclass(frozen=True)
class ThreadsApart(Problem):
    """Threads of one worker have different masks."""

    kind: ClassVar[str] = "threads-apart"
    pids: tuple[int, ...]
    masks: tuple[tuple[tuple[int, ...], int], ...]
    """Of the first of them: each mask and how many threads have it."""


@dataclass(frozen=True)
class ThreadVariable(Problem):
    """An environment variable asks for more threads than CPUs, or binds the main thread to one of them."""

    kind: ClassVar[str] = "thread-variable"
    variable: str
    value: str
    pid: int
    cpus: tuple[int, ...]
    """Those the worker may use."""
    binds: bool
    """Whether it binds, rather than counts."""


@dataclass(frozen=True)
class Throttled(Problem):
    """The quota has stopped the server."""

    kind: ClassVar[str] = "throttled"
    quota: float
    periods: int
    """In how many."""
    of_periods: int
    usable: int
    cpus: int
    """How many CPUs the cgroup allows."""


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
    one_per_core: bool
    """Whether its CPUs are on one node, each a core of its own: a pin has little to give one worker there."""
    problems: tuple[Problem, ...]
    settings: tuple[str, ...]
    """Exact lines to change or to run."""

    @property
    def workers(self) -> tuple[InspectedProcess, ...]:
        """The processes that compute."""
        return tuple(p for p in self.processes if p.role == "worker")
