"""CPUs, cores, packages and NUMA nodes, read from `/sys` alone.

Source of the layout: Documentation/ABI/stable/sysfs-devices-system-cpu and sysfs-devices-node in the Linux tree.
Old kernels write masks where new ones write lists; a file that is missing gives a smaller answer.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from pytest_cpuperf.machine.cpulist import parse_list, parse_mask

LIVE = Path("/")
_MEMORY = re.compile(r"MemTotal:\s+(\d+) kB")


@dataclass(frozen=True)
class Topology:
    """A machine's online CPUs and how they are grouped. All groups hold online CPUs only."""

    cpus: tuple[int, ...]
    cores: tuple[tuple[int, ...], ...]
    """Sibling CPUs (hyperthreads) of each physical core, ordered by their first CPU."""
    packages: tuple[tuple[int, ...], ...]
    numa_nodes: dict[int, tuple[int, ...]]
    """CPUs of each node that has any; a machine without node folders is one node, 0."""
    performance: frozenset[int] | None = None
    """The fast CPUs of a hybrid machine, or None where all are of one kind or the kernel does not say."""
    caches: tuple[tuple[int, ...], ...] = ()
    """CPUs that share a last-level cache; empty where the kernel does not say."""
    memory_bytes: dict[int, int] = field(default_factory=dict)
    """Memory of each node, those without CPUs included; a node without memory has 0."""

    def restricted(self, allowed: Iterable[int]) -> Topology:
        """Return what is left of the machine within `allowed` CPUs."""
        keep = set(allowed)

        def cut(groups: Iterable[tuple[int, ...]]) -> tuple[tuple[int, ...], ...]:
            return tuple(g for g in (tuple(c for c in group if c in keep) for group in groups) if g)

        nodes = {n: tuple(c for c in cpus if c in keep) for n, cpus in self.numa_nodes.items()}
        return Topology(
            cpus=tuple(c for c in self.cpus if c in keep),
            cores=cut(self.cores),
            packages=cut(self.packages),
            numa_nodes={n: cpus for n, cpus in nodes.items() if cpus},
            performance=self.performance & keep if self.performance is not None else None,
            caches=cut(self.caches),
            memory_bytes=self.memory_bytes,
        )


def read_topology(root: Path = LIVE) -> Topology:
    """Return the topology under `root` (`root/sys/devices/system/…`).

    A folder without any CPU gives an empty topology; the caller decides what that means.
    """
    system = root / "sys/devices/system"
    cpus = _online(system / "cpu")
    if not cpus and root == LIVE:
        cpus = tuple(range(os.cpu_count() or 1))  # macOS, Windows: no /sys; every CPU counts as a core
    online = frozenset(cpus)
    cores = _groups(cpus, lambda cpu: _siblings(system / f"cpu/cpu{cpu}/topology") & online)
    packages = _groups(cpus, lambda cpu: _package(system / f"cpu/cpu{cpu}/topology") & online)
    caches = _groups(cpus, lambda cpu: _last_level_cache(system / f"cpu/cpu{cpu}/cache") & online)
    nodes: dict[int, tuple[int, ...]] = {}
    memory: dict[int, int] = {}
    for folder in _numbered(system / "node", "node"):
        number = int(folder.name[4:])
        members = tuple(sorted(_set(folder, "cpulist", "cpumap") & online))
        if members:
            nodes[number] = members
        total = _MEMORY.search(_text(folder / "meminfo"))
        if total:
            memory[number] = int(total[1]) * 1024
    if not nodes and cpus:
        nodes = {0: cpus}
        total = _MEMORY.search(_text(root / "proc/meminfo"))
        memory = {0: int(total[1]) * 1024} if total else {}
    known = any(_last_level_cache(system / f"cpu/cpu{cpu}/cache") for cpu in cpus[:1])
    return Topology(cpus, cores, packages, nodes, _performance(root, online), caches if known else (), memory)


def _online(folder: Path) -> tuple[int, ...]:
    listed = parse_list(_text(folder / "online"))
    present = [int(f.name[3:]) for f in _numbered(folder, "cpu")]
    if listed:
        # `online` may name CPUs a captured tree has no folder of; the folders are what can be asked about.
        return tuple(c for c in present if c in listed) or tuple(sorted(listed))
    return tuple(c for c in present if _text(folder / f"cpu{c}/online").strip("\0 \n") != "0")


def _groups(cpus: Iterable[int], members: Callable[[int], frozenset[int]]) -> tuple[tuple[int, ...], ...]:
    """Return the distinct groups that `members(cpu)` gives, each CPU in exactly one, itself at least."""
    seen: set[int] = set()
    groups = []
    for cpu in cpus:
        if cpu in seen:
            continue
        group = (members(cpu) | {cpu}) - seen
        seen |= group
        groups.append(tuple(sorted(group)))
    return tuple(groups)


def _siblings(topology: Path) -> frozenset[int]:
    return _set(topology, "core_cpus_list", "core_cpus") or _set(topology, "thread_siblings_list", "thread_siblings")


def _package(topology: Path) -> frozenset[int]:
    return _set(topology, "package_cpus_list", "package_cpus") or _set(topology, "core_siblings_list", "core_siblings")


def _last_level_cache(folder: Path) -> frozenset[int]:
    """Return the CPUs that share the highest level of cache that holds data."""
    best = (0, frozenset[int]())
    for index in _numbered(folder, "index"):
        level = _text(index / "level").strip("\0 \n")
        if _text(index / "type").strip("\0 \n") == "Instruction" or not level.isdecimal():
            continue
        best = max(best, (int(level), _set(index, "shared_cpu_list", "shared_cpu_map")), key=lambda found: found[0])
    return best[1]


def _performance(root: Path, online: frozenset[int]) -> frozenset[int] | None:
    """Return the fast CPUs of a hybrid machine.

    Intel's `cpu_core` device names them; else the highest `cpu_capacity` (Arm) or `base_frequency` (Intel) tells.
    `cpuinfo_max_freq` does not: favoured cores of one kind differ in it.
    """
    fast = parse_list(_text(root / "sys/devices/cpu_core/cpus")) & online
    if fast and fast != online:
        return fast
    for name in ("cpu_capacity", "cpufreq/base_frequency"):
        texts = {cpu: _text(root / f"sys/devices/system/cpu/cpu{cpu}/{name}").strip("\0 \n") for cpu in online}
        if texts and all(t.isdecimal() for t in texts.values()) and len(set(texts.values())) > 1:
            best = max(int(t) for t in texts.values())
            return frozenset(c for c, t in texts.items() if int(t) == best)
    return None


def _set(folder: Path, list_name: str, mask_name: str) -> frozenset[int]:
    return parse_list(_text(folder / list_name)) or parse_mask(_text(folder / mask_name))


def _numbered(folder: Path, prefix: str) -> list[Path]:
    try:
        found = [p for p in folder.iterdir() if re.fullmatch(prefix + r"\d+", p.name)]
    except OSError:
        return []
    return sorted(found, key=lambda p: int(p.name[len(prefix) :]))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
