"""The whole machine in one record, for `cpuperf cpus`: what there is, what is ours, what a test gets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.machine.limits import Limits, read_limits, throttled_periods
from pytest_cpuperf.machine.placement import CannotPlaceError, Request, place, usable_cpus
from pytest_cpuperf.machine.thread_variables import BINDING, COUNTING
from pytest_cpuperf.machine.topology import LIVE, Topology, read_topology
from pytest_cpuperf.results.cpus import CoreGroup, CpusReport
from pytest_cpuperf.results.figures import format_cpus


def overview(root: Path = LIVE, variables: Mapping[str, str] | None = None) -> CpusReport:
    """Describe this machine, or one captured under `root`. `variables` is an environment (None: this process's own).

    Raises UsageError where `root` holds no machine, or leaves us no CPU.
    """
    if root != LIVE and not (root / "sys/devices/system/cpu").is_dir():
        found = "no such folder" if not root.is_dir() else "there is none"
        raise UsageError(
            f"{root} is no captured machine: expected sys/devices/system/cpu in it, {found}",
            "name the folder that holds the machine's sys and proc",
        )
    topology, limits = read_topology(root), read_limits(root)
    if root == LIVE:
        variables = os.environ if variables is None else variables
    ours = limits.within(topology)
    try:
        chosen = place(topology, limits, Request())
    except CannotPlaceError as error:
        raise UsageError(f"{root}: {error}") from None
    return CpusReport(
        groups=tuple(_groups(topology)),
        memory_bytes=topology.memory_bytes,
        online=topology.cpus,
        allowed=ours.cpus,
        cores=ours.cores,
        packages=ours.packages,
        numa_nodes=ours.numa_nodes,
        performance=tuple(sorted(ours.performance)) if ours.performance is not None else None,
        caches=ours.caches,
        quota=limits.quota,
        usable=usable_cpus(topology, limits),
        placement=chosen.cpus,
        reason=chosen.reason,
        cautions=tuple(_cautions(root, ours, limits, variables or {})),
    )


def _groups(topology: Topology) -> Iterator[CoreGroup]:
    """Yield the cores by package, node and kind, in the order of their CPUs."""
    node_of = {cpu: node for node, cpus in topology.numa_nodes.items() for cpu in cpus}
    package_of = {cpu: number for number, cpus in enumerate(topology.packages) for cpu in cpus}
    cache_of = {cpu: number for number, cpus in enumerate(topology.caches) for cpu in cpus}
    found: dict[tuple[int, int, str | None], list[tuple[int, ...]]] = {}
    for core in topology.cores:
        kind = None
        if topology.performance is not None:
            kind = "performance" if core[0] in topology.performance else "efficiency"
        found.setdefault((package_of.get(core[0], 0), node_of.get(core[0], 0), kind), []).append(core)
    for (package, node, kind), cores in sorted(found.items(), key=lambda item: item[1][0]):
        caches = {cache_of[core[0]] for core in cores if core[0] in cache_of}
        yield CoreGroup(package, node, kind, tuple(cores), len(caches))


def _cautions(root: Path, ours: Topology, limits: Limits, variables: Mapping[str, str]) -> Iterator[str]:
    count, usable = len(ours.cpus), usable_cpus(ours, limits)
    if limits.quota is not None and limits.quota < count:
        busy = "one busy thread" if usable == 1 else f"{usable} busy threads"
        yield f"quota {limits.quota:g} is below {count} CPUs: more than {busy} will be throttled"
    throttled = throttled_periods(limits)
    if throttled and throttled[0]:
        yield f"the quota has throttled this cgroup in {throttled[0]:,} of {throttled[1]:,} periods so far"
    for name, harmless in BINDING.items():
        value = variables.get(name)
        if value is not None and value.lower() not in harmless:
            yield f"{name}={value} puts the main thread on one CPU when torch is imported: unset it"
    for name in COUNTING:
        value = variables.get(name, "").split(",")[0]
        if value.isdecimal() and int(value) > usable:
            yield f"{name}={value} is above {usable} usable CPUs: set it to {usable} or fewer"
    bare = [n for n in ours.numa_nodes if ours.memory_bytes.get(n) == 0]
    if bare and any(ours.memory_bytes.values()):
        yield f"node {format_cpus(bare)} has no memory of its own: what runs there reads that of other nodes"
    yield from _clock_cautions(root, ours)


def _clock_cautions(root: Path, ours: Topology) -> Iterator[str]:
    cpufreq = root / "sys/devices/system/cpu"
    governors: dict[str, list[int]] = {}
    for cpu in ours.cpus:
        governor = _text(cpufreq / f"cpu{cpu}/cpufreq/scaling_governor")
        if governor and governor != "performance":
            governors.setdefault(governor, []).append(cpu)
    for governor, cpus in governors.items():
        yield (
            f"governor {governor} on CPUs {format_cpus(cpus)}: clocks follow load, so short runs vary; "
            "cpupower frequency-set -g performance"
        )
    if _text(cpufreq / "intel_pstate/no_turbo") == "0":
        yield "turbo is on: the clock depends on other cores; for steady figures, echo 1 into intel_pstate/no_turbo"
    elif _text(cpufreq / "cpufreq/boost") == "1":
        yield "boost is on: the clock depends on other cores; for steady figures, echo 0 into cpufreq/boost"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip("\0 \n")
    except OSError:
        return ""
