"""What a server loses speed by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from pytest_cpuperf.machine.limits import Limits, throttled_periods
from pytest_cpuperf.machine.thread_variables import BINDING, COUNTING
from pytest_cpuperf.machine.topology import Topology
from pytest_cpuperf.results.inspection import (
    CrossesNodes,
    InspectedProcess,
    LauncherNotInEffect,
    LauncherOff,
    Overlap,
    Oversubscribed,
    Problem,
    SharedCores,
    ThreadsApart,
    ThreadVariable,
    Throttled,
)
from pytest_cpuperf.servers.torchserve import TorchServe

# Threads that want this many times the CPUs they may use lose more to waiting than a noisy second explains.
_CROWDED = 1.25
# Idle pools cost nothing yet. Set right, a process has up to three of them: torch keeps two, onnxruntime one.
_POOLS = 3


def launcher_problems(
    workers: Sequence[InspectedProcess], launchers: set[int], torchserve: TorchServe | None
) -> Iterator[Problem]:
    """Yield what is wrong with TorchServe's launcher."""
    if torchserve is None:
        return
    bare = [w for w in workers if w.parent not in launchers]
    if not torchserve.launcher_enabled:
        yield LauncherOff(torchserve.config_name)
    elif bare:
        yield LauncherNotInEffect(torchserve.config_name, _pids(bare))


def crowding_problems(workers: Sequence[InspectedProcess], usable: int) -> Iterator[Problem]:
    """Too many threads: on each set of CPUs that workers share, and for the quota."""
    wanted = sum(w.wanted_cpus for w in workers)
    if wanted > _CROWDED * usable:
        threads = sum(w.compute_threads for w in workers)
        yield Oversubscribed(wanted / usable, wanted, threads, usable)
        return
    by_cpus: dict[tuple[int, ...], list[InspectedProcess]] = {}
    for worker in workers:
        by_cpus.setdefault(worker.cpus, []).append(worker)
    for cpus, sharing in by_cpus.items():
        room = min(len(cpus), usable) or 1
        want, threads = sum(w.wanted_cpus for w in sharing), sum(w.compute_threads for w in sharing)
        if want > _CROWDED * room:
            yield Oversubscribed(want / room, want, threads, room, _pids(sharing), cpus)
        elif threads > _POOLS * room * len(sharing) + 1:
            yield Oversubscribed(threads / room, want, threads, room, _pids(sharing), cpus, idle=True)


def mask_problems(workers: Sequence[InspectedProcess], ours: Topology) -> Iterator[Problem]:
    """Yield how workers' masks overlap, cross nodes, share cores, or differ between threads."""
    meeting = [(a, b) for a, b in combinations(workers, 2) if set(a.cpus) & set(b.cpus)]
    if meeting:
        involved = {w.pid: w for pair in meeting for w in pair}.values()
        shared = {cpu for a, b in meeting for cpu in set(a.cpus) & set(b.cpus)}
        yield Overlap(_pids(involved), tuple(sorted(shared)))
    crossing = [w for w in workers if len(w.nodes) > 1]
    if crossing:
        nodes = {n for w in crossing for n in w.nodes}
        yield CrossesNodes(_pids(crossing), tuple(sorted(nodes)))
    for core in ours.cores:
        on_it = [w for w in workers if set(w.cpus) & set(core)]
        apart = [(a, b) for a, b in combinations(on_it, 2) if not set(a.cpus) & set(b.cpus)]
        if apart:
            yield SharedCores(_pids(on_it), tuple(sorted(core)))
            break
    strays = [w for w in workers if len(w.masks) > 1]
    if strays:
        yield ThreadsApart(_pids(strays), strays[0].masks)


def variable_problems(workers: Sequence[InspectedProcess]) -> Iterator[Problem]:
    """Yield thread variables that do not fit the CPUs a worker may use."""
    for worker in workers:
        for name in COUNTING:
            value = worker.variables.get(name, "").split(",")[0]
            if value.isdecimal() and worker.cpus and int(value) > len(worker.cpus):
                yield ThreadVariable(name, value, worker.pid, worker.cpus, binds=False)
        for name, harmless in BINDING.items():
            bound = worker.variables.get(name)
            one_cpu = worker.masks and len(worker.masks[0][0]) == 1
            if bound is not None and bound.lower() not in harmless and one_cpu and worker.compute_threads > 1:
                yield ThreadVariable(name, bound, worker.pid, worker.cpus, binds=True)


def quota_problems(limits: Limits, usable: int, cpus: int) -> Iterator[Problem]:
    """Yield that the quota has stopped the server, where it has."""
    throttled = throttled_periods(limits)
    if limits.quota is not None and throttled and throttled[0]:
        yield Throttled(limits.quota, *throttled, usable, cpus)


def _pids(workers: Iterable[InspectedProcess]) -> tuple[int, ...]:
    return tuple(w.pid for w in workers)
