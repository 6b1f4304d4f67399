"""A live server, looked at and judged against what the machine would give it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from pytest_cpuperf.machine.limits import Limits, read_limits, throttled_periods
from pytest_cpuperf.machine.placement import usable_cpus
from pytest_cpuperf.machine.topology import Topology, read_topology
from pytest_cpuperf.results.inspection import InspectedProcess, Inspection
from pytest_cpuperf.servers.problems import (
    crowding_problems,
    launcher_problems,
    mask_problems,
    quota_problems,
    variable_problems,
)
from pytest_cpuperf.servers.processes import Process, families, sample
from pytest_cpuperf.servers.roles import with_roles
from pytest_cpuperf.servers.settings import settings_for
from pytest_cpuperf.servers.torchserve import TorchServe, torchserve_of, worker_pids


def look_at(pids: Sequence[int], management_url: str | None, seconds: float) -> Inspection:
    """Return what processes, and those they started, do over some seconds.

    `management_url` names a TorchServe whose workers are looked at too. Raises UsageError for processes that are not
    there or may not be looked at, and for an address that is no TorchServe's.
    """
    named = list(pids)
    if management_url is not None:
        named += worker_pids(management_url)
    found = families(named)
    torchserve = torchserve_of(found)
    if torchserve is not None:
        # A worker's launcher is its parent, which the server does not name.
        found = families([*found, torchserve.pid])
    processes = sample(found, seconds, required=named)
    return inspect(processes, read_topology(), read_limits(process=named[0]), seconds, torchserve)


def inspect(
    processes: Sequence[Process],
    topology: Topology,
    limits: Limits,
    seconds: float,
    torchserve: TorchServe | None = None,
) -> Inspection:
    """Judge processes that were looked at for some seconds. `limits` are those of their cgroup, without affinity."""
    ours = limits.within(topology)
    seen = sorted(with_roles(processes, ours, seconds), key=lambda p: p.pid)
    workers = [p for p in seen if p.role == "worker"]
    usable = usable_cpus(topology, limits)
    launchers = {p.pid for p in seen if p.role == "launcher"}
    problems = (
        *launcher_problems(workers, launchers, torchserve),
        *crowding_problems(workers, usable),
        *mask_problems(workers, ours),
        *variable_problems(workers),
        *quota_problems(limits, usable, len(ours.cpus)),
    )
    return Inspection(
        processes=tuple(seen),
        usable=usable,
        cpus=ours.cpus,
        quota=limits.quota,
        throttled=throttled_periods(limits),
        seconds=seconds,
        pinned=bool(workers) and _is_pinned(workers, ours),
        one_per_core=len(ours.numa_nodes) == 1 and all(len(core) == 1 for core in ours.cores),
        problems=problems,
        settings=tuple(settings_for(workers, topology, limits, torchserve)) if problems else (),
    )


def _is_pinned(workers: Sequence[InspectedProcess], ours: Topology) -> bool:
    apart = not any(set(a.cpus) & set(b.cpus) for a, b in combinations(workers, 2))
    narrower = all(set(w.cpus) < set(ours.cpus) for w in workers)
    return apart and narrower and all(len(w.nodes) == 1 and len(w.masks) == 1 for w in workers)
