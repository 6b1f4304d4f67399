"""A machine as `cpuperf cpus` tells it: schema `cpuperf/cpus/1`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SCHEMA = "cpuperf/cpus/1"


@dataclass(frozen=True)
class CoreGroup:
    """The cores of one package that are on one NUMA node and of one kind."""

    package: int
    node: int
    kind: str | None
    """`performance` or `efficiency` on hybrid machines."""
    cores: tuple[tuple[int, ...], ...]
    """Sibling CPUs of each core, online ones, whether ours or not."""
    caches: int
    """How many last-level caches these cores share out among them; 0 where that is not known."""


@dataclass(frozen=True)
class CpusReport:
    """Which CPUs there are, which are ours, and where a test would run."""

    groups: tuple[CoreGroup, ...]
    memory_bytes: dict[int, int]
    """By node; nodes without CPUs included."""
    online: tuple[int, ...]
    allowed: tuple[int, ...]
    """Online and ours."""
    cores: tuple[tuple[int, ...], ...]
    """Sibling CPUs among those allowed."""
    packages: tuple[tuple[int, ...], ...]
    numa_nodes: dict[int, tuple[int, ...]]
    performance: tuple[int, ...] | None
    caches: tuple[tuple[int, ...], ...]
    quota: float | None
    usable: int
    placement: tuple[int, ...]
    reason: str
    cautions: tuple[str, ...] = ()
    """What a user may want to change, each with how."""

    def to_json(self) -> dict[str, Any]:
        """Return the `cpuperf/cpus/1` document."""
        kinds = None
        if self.performance is not None:
            rest = [c for c in self.allowed if c not in self.performance]
            kinds = {"performance": list(self.performance), "efficiency": rest}
        return {
            "schema": SCHEMA,
            "cpus": list(self.allowed),
            "cores": [list(c) for c in self.cores],
            "packages": [list(c) for c in self.packages],
            "numa_nodes": {str(n): list(c) for n, c in self.numa_nodes.items()},
            "kinds": kinds,
            "caches": [list(c) for c in self.caches],
            "memory_bytes": {str(n): size for n, size in self.memory_bytes.items()},
            "quota": self.quota,
            "usable": self.usable,
            "placement": {"cpus": list(self.placement), "reason": self.reason},
            "warnings": list(self.cautions),
        }
