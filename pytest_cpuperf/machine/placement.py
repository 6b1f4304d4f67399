"""Where a test runs: which of our CPUs, and why these.

Defaults: the CPUs of one NUMA node, one CPU per physical core, performance cores, no more than the quota allows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from pytest_cpuperf.errors import UsageError, nearest
from pytest_cpuperf.machine.limits import Limits
from pytest_cpuperf.machine.topology import Topology
from pytest_cpuperf.results.figures import format_cpus


@dataclass(frozen=True)
class Request:
    """What a test asks for; the marker's keywords that are about placement."""

    cores: int | None = None
    """Physical cores wanted; None takes all there are of one node."""
    smt: str = "avoid"
    """`avoid`: one CPU per core. `use`: all sibling CPUs of each core."""
    node: str | int = "one"
    """`one`: stay within one NUMA node, the roomiest. `any`: cross nodes. A number: that node."""
    kind: str = "performance"
    """`performance`, `efficiency` or `any`, on machines that have both kinds of cores."""

    @classmethod
    def from_keywords(cls, keywords: Mapping[str, Any]) -> Request:
        """Return the request a marker's keywords make, or raise UsageError naming the keyword that is wrong."""
        known = [f.name for f in fields(cls)]
        for key in keywords:
            if key not in known:
                raise UsageError(f"unknown keyword {key!r}{nearest(key, known)}")
        request = cls(**keywords)
        cores = request.cores
        if cores is not None and (isinstance(cores, bool) or not isinstance(cores, int) or cores < 1):
            raise UsageError(f"cores takes a whole number of at least 1, found {cores!r}")
        _choice("smt", request.smt, ("avoid", "use"))
        _choice("kind", request.kind, ("any", "performance", "efficiency"))
        if isinstance(request.node, bool) or not isinstance(request.node, int):
            _choice("node", request.node, ("one", "any"), " or a node's number")
        return request


def _choice(key: str, value: object, choices: tuple[str, ...], also: str = "") -> None:
    if value not in choices:
        said = " or ".join(repr(c) for c in choices)
        raise UsageError(f"{key} takes {said}{also}, found {value!r}{nearest(str(value), choices)}")


@dataclass(frozen=True)
class Place:
    """CPUs chosen for a test, and why these."""

    cpus: tuple[int, ...]
    reason: str


class CannotPlaceError(Exception):
    """The machine cannot give what was asked for; the message says what was asked and what there is."""


def usable_cpus(topology: Topology, limits: Limits) -> int:
    """Return how many CPUs' worth of work this process can do: allowed CPUs, bounded by the quota (at least 1)."""
    ours = limits.within(topology)
    count = len(ours.cpus)
    return count if limits.quota is None else max(1, min(count, math.floor(limits.quota)))


def place(topology: Topology, limits: Limits, request: Request) -> Place:
    """Return the CPUs for a request. Raises CannotPlaceError where the machine does not have what is asked."""
    ours = limits.within(topology)
    if not ours.cpus:
        raise CannotPlaceError("no CPU is both online and allowed here")
    why = []
    cores = list(ours.cores)
    if ours.performance and request.kind != "any":
        fast = [c for c in cores if ours.performance.issuperset(c)]
        cores = fast if request.kind == "performance" else [c for c in cores if c not in fast]
        why.append(f"{request.kind} cores")
    elif request.kind == "efficiency":
        raise CannotPlaceError("asked for efficiency cores; all cores here are of one kind")
    cores = _within_node(ours, cores, request, why)
    most = None if limits.quota is None else max(1, math.floor(limits.quota))
    if request.cores is not None:
        if len(cores) < request.cores:
            raise CannotPlaceError(
                f"asked for {_count(request.cores, 'core')} ({', '.join(why)}); "
                f"there {'is' if len(cores) == 1 else 'are'} {len(cores)}"
            )
        cores = cores[: request.cores]
    cpus = [cpu for core in cores for cpu in (core if request.smt == "use" else core[:1])]
    if request.smt == "use":
        why.append("with hyperthreads")
    elif any(len(core) > 1 for core in cores):
        why.append("one CPU per core")
    if most is not None and most < len(cpus):
        if request.cores is not None:
            raise CannotPlaceError(f"asked for {_count(len(cpus), 'CPU')}; the quota of {limits.quota:g} allows {most}")
        cpus = cpus[:most]
        why.append(f"quota {limits.quota:g}")
    return Place(tuple(sorted(cpus)), ", ".join(why) or f"CPUs {format_cpus(cpus)}")


def _within_node(
    ours: Topology, cores: list[tuple[int, ...]], request: Request, why: list[str]
) -> list[tuple[int, ...]]:
    if request.node == "any":
        why.append("any node")
        return cores
    members = {n: frozenset(cpus) for n, cpus in ours.numa_nodes.items()}
    by_node = {n: [c for c in cores if c[0] in cpus] for n, cpus in members.items()}
    if isinstance(request.node, int):
        if not by_node.get(request.node):
            there = ", ".join(str(n) for n, c in by_node.items() if c) or "none"
            raise CannotPlaceError(f"asked for node {request.node}; nodes with such CPUs here: {there}")
        chosen = request.node
    else:
        # The roomiest node; of equals the first. A machine whose cores match no node is taken whole.
        chosen = max(by_node, key=lambda n: (len(by_node[n]), -n), default=0)
        if not by_node.get(chosen):
            return cores
    why.append(f"node {chosen}")
    return by_node[chosen]


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
