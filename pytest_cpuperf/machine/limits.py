"""Which CPUs are ours: affinity, cpuset and quota, along the whole cgroup path.

Quota is not affinity: `cpu.max` is invisible to `os.cpu_count`, `sched_getaffinity` and psutil.
Sources: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/cpusets.rst, scheduler/sched-bwc.rst in the Linux tree.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_cpuperf.machine.cpulist import parse_list
from pytest_cpuperf.machine.topology import LIVE, Topology


@dataclass(frozen=True)
class Limits:
    """What this process may use of the machine."""

    allowed: frozenset[int] | None
    """CPUs in our affinity and every cpuset above us; None where nothing restricts."""
    quota: float | None
    """CPUs' worth of time the tightest quota on our cgroup path allows; None without one."""
    throttle_file: Path | None = None
    """The `cpu.stat` of the cgroup that holds the tightest quota, or of our own."""

    def within(self, topology: Topology) -> Topology:
        """Return what is left of a machine."""
        return topology if self.allowed is None else topology.restricted(self.allowed)


def read_limits(root: Path = LIVE, process: int | None = None) -> Limits:
    """Return the limits of this process, or those written down in a captured machine under `root`.

    Of another `process` of this machine: those of its cgroup. Its affinity is left out, for it may be a pin.
    """
    allowed = _affinity() if root == LIVE and process is None else None
    quota: float | None = None
    throttle: Path | None = None
    for controllers, folder in _cgroup_folders(root, "self" if process is None else str(process)):
        if "cpuset" in controllers:
            named = _cpuset(folder)
            if named:
                allowed = named if allowed is None else (allowed & named or allowed)
        if "cpu" in controllers:
            if throttle is None and (folder / "cpu.stat").is_file():
                throttle = folder / "cpu.stat"
            found = _quota(folder)
            if found is not None and (quota is None or found < quota):
                quota, throttle = found, folder / "cpu.stat"
    return Limits(allowed, quota, throttle)


def throttled_periods(limits: Limits) -> tuple[int, int] | None:
    """Return (periods throttled, periods) so far of the cgroup with the tightest quota; None without a quota."""
    if limits.quota is None or limits.throttle_file is None:
        return None
    words = _text(limits.throttle_file).split()
    said = dict(zip(words[::2], words[1::2], strict=False))
    throttled, periods = said.get("nr_throttled", ""), said.get("nr_periods", "")
    return (int(throttled), int(periods)) if throttled.isdecimal() and periods.isdecimal() else None


def pressure_file(resource: str) -> Path | None:
    """Return the file of pressure stall information for `cpu` or `memory`: our cgroup's, else the machine's."""
    for _, folder in _cgroup_folders(LIVE, "self"):
        if (folder / f"{resource}.pressure").is_file():
            return folder / f"{resource}.pressure"
    whole = Path("/proc/pressure") / resource
    return whole if whole.is_file() else None


def _affinity() -> frozenset[int] | None:
    if hasattr(os, "sched_getaffinity"):
        return frozenset(os.sched_getaffinity(0))
    import psutil  # Windows and FreeBSD; on Linux it is not needed

    process = psutil.Process()
    return frozenset(process.cpu_affinity()) if hasattr(process, "cpu_affinity") else None


def _cpuset(folder: Path) -> frozenset[int]:
    # v2, v1, and the file system from before cgroups. v1's effective_cpus can lag behind hotplug: not read.
    for name in ("cpuset.cpus.effective", "cpuset.cpus", "cpus"):
        cpus = parse_list(_text(folder / name))
        if cpus:
            return cpus
    return frozenset()


def _quota(folder: Path) -> float | None:
    """Return CPUs' worth of quota in one cgroup: `cpu.max` (v2) or `cpu.cfs_quota_us` (v1)."""
    words = _text(folder / "cpu.max").split()
    if not words:
        words = [*_text(folder / "cpu.cfs_quota_us").split(), *_text(folder / "cpu.cfs_period_us").split()]
    try:
        quota = int(words[0])
        period = int(words[1]) if len(words) > 1 else 100_000
    except (IndexError, ValueError):
        return None
    return quota / period if quota > 0 and period > 0 else None


def _cgroup_folders(root: Path, process: str) -> Iterator[tuple[frozenset[str], Path]]:
    """Yield (controllers, folder) for a process's cgroup in each hierarchy and every folder above it, its own first."""
    ours = _memberships(root / "proc" / process)
    for mount, kind, options, inside in _cgroup_mounts(root):
        if kind == "cgroup2":
            controllers, path = frozenset({"cpu", "cpuset"}), ours.get("", "/")
        elif kind == "cpuset":  # the pseudo file system from before cgroups
            controllers, path = frozenset({"cpuset"}), ours.get("cpuset", "/")
        else:
            controllers = frozenset(options) & {"cpu", "cpuset"}
            if not controllers:
                continue
            path = ours.get(min(controllers & ours.keys(), default="cpu"), "/")
        top = root / mount.lstrip("/")
        # In a container the mount shows a subtree: what lies above `inside` cannot be seen from here.
        relative = path[len(inside) :] if inside != "/" and (path + "/").startswith(inside + "/") else path
        folder = top / relative.strip("/")
        while True:
            yield controllers, folder
            if folder == top or top not in folder.parents:
                break
            folder = folder.parent


def _memberships(process: Path) -> dict[str, str]:
    """Return a process's cgroup path by controller; the v2 hierarchy has the controller ''."""
    paths: dict[str, str] = {}
    for line in _text(process / "cgroup").splitlines():
        parts = line.strip("\0").split(":", 2)
        if len(parts) == 3:
            for controller in parts[1].split(","):
                paths[controller] = parts[2]
    old = _text(process / "cpuset").strip("\0 \n")
    if old and "cpuset" not in paths:
        paths["cpuset"] = old
    if old and "" not in paths:
        paths[""] = old
    return paths


def _cgroup_mounts(root: Path) -> Iterator[tuple[str, str, list[str], str]]:
    """Yield (mount point, type, options, path inside the hierarchy) of each mounted cgroup hierarchy."""
    inside_by_mount: dict[str, str] = {}
    for line in _text(root / "proc/self/mountinfo").splitlines():
        words = line.split()
        if len(words) > 4:
            inside_by_mount[words[4]] = words[3]
    for line in _text(root / "proc/mounts").splitlines():
        words = line.split()
        if len(words) >= 4 and words[2] in ("cgroup", "cgroup2", "cpuset"):
            mount = words[1].replace("\\040", " ")
            yield mount, words[2], words[3].split(","), inside_by_mount.get(words[1], "/")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
