"""Dividing a machine among the workers of one test run, so that their measured tests do not meet.

A slot is a disjoint set of whole cores of one node with its part of the quota. There are no more slots than workers,
cores, or CPUs' worth of quota; workers that share a slot take turns, each measured test behind the slot's lock.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_cpuperf.machine.limits import Limits
from pytest_cpuperf.machine.topology import Topology


@dataclass(frozen=True)
class Slot:
    """One worker's part of the machine."""

    number: int
    """Counted from 0."""
    count: int
    """How many slots the machine was divided into."""
    cpus: tuple[int, ...]
    """All siblings of the slot's cores."""
    quota: float | None
    """The slot's part of the quota, in CPUs."""

    @property
    def limits(self) -> Limits:
        """What a test in this slot may use."""
        return Limits(frozenset(self.cpus), self.quota)


def divide(topology: Topology, limits: Limits, workers: int) -> tuple[Slot, ...]:
    """Return the slots for some workers; at least one, and none where no CPU is ours.

    Nodes get slots in proportion to their cores. On hybrid machines each slot gets its part of either kind.
    """
    ours = limits.within(topology)
    fast = ours.performance or frozenset()
    by_node: dict[int, tuple[list[tuple[int, ...]], list[tuple[int, ...]]]] = {}
    for node, cpus in ours.numa_nodes.items():
        members = frozenset(cpus)
        cores = [core for core in ours.cores if core[0] in members]
        # Tests run on performance cores by default: those are what is divided, where there are any.
        main = [core for core in cores if fast.issuperset(core)] if fast else cores
        if cores:
            by_node[node] = (main or cores, [core for core in cores if core not in main] if main else [])
    if not by_node:
        return ()
    most = sum(len(main) for main, _ in by_node.values())
    if limits.quota is not None:
        most = min(most, max(1, math.floor(limits.quota)))
    count = max(1, min(workers, most))
    given = dict.fromkeys(by_node, 0)
    for _ in range(count):
        node = max(by_node, key=lambda n: (len(by_node[n][0]) / (given[n] + 1), -n))
        given[node] += 1
    parts = [
        _part(main, index, given[node]) + _part(rest, index, given[node])
        for node, (main, rest) in by_node.items()
        for index in range(given[node])
    ]
    quota = None if limits.quota is None else limits.quota / count
    return tuple(
        Slot(number, count, tuple(sorted(cpu for core in cores for cpu in core)), quota)
        for number, cores in enumerate(parts)
    )


def _part(cores: list[tuple[int, ...]], index: int, count: int) -> list[tuple[int, ...]]:
    return cores[index * len(cores) // count : (index + 1) * len(cores) // count]


class Turns:
    """The slots' locks: files in a folder that all workers of the run know. The kernel frees those of a dead worker."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextlib.contextmanager
    def take(self, slots: Iterable[int]) -> Iterator[None]:
        """Hold some slots, waiting for those who hold them now. Taken in order, so that nobody waits in a circle."""
        from filelock import FileLock  # deferred: only runs with several workers take turns

        with contextlib.ExitStack() as held:
            for number in sorted(set(slots)):
                held.enter_context(FileLock(self._folder / f"slot-{number}.lock"))
            yield
