"""What the machine did during some blocks, besides the work that was timed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pytest_cpuperf.results.codec import part


class DisturbanceKind(str, Enum):
    """What can disturb blocks so much that they are set aside."""

    WAITING = "waiting"
    """Threads of ours waited for a CPU while other processes ran there."""
    OTHERS = "others"
    """Other processes took our CPUs, where the kernel does not count waiting."""
    HYPERVISOR = "hypervisor"
    MEMORY = "memory"
    """Memory ran short."""
    QUOTA = "quota"
    """The CPU quota stopped us."""


@dataclass(frozen=True)
class Disturbance:
    """Why some blocks are set aside."""

    kind: DisturbanceKind
    share: float = 1.0
    """0 to 1, of the time our threads wanted a CPU (waiting), our CPUs (others, hypervisor) or the time (memory)."""
    times: int = 0
    """How many times the quota stopped us."""


@dataclass(frozen=True)
class QuantityDescription:
    """What a reader must know of a quantity of evidence. The package's own stand in `machine.evidence.quantities`."""

    name: str
    """With its unit: `steal_seconds`."""
    words: str
    """In a table: `taken by the hypervisor`."""
    unit: str
    """`s` or `times`, or any other that a figure can stand before."""
    rank: int
    """Its place in tables: the smallest comes first."""


DESCRIPTIONS: dict[str, QuantityDescription] = {}
"""By name; each quantity adds its own when it is loaded."""


def _schema(definitions: Mapping[str, Any]) -> dict[str, Any]:
    return {name: {"type": ["number", "null"]} for name in sorted(DESCRIPTIONS)}


@dataclass(frozen=True)
class Evidence:
    """What the machine did during some blocks, besides the work that was timed.

    Quantities are read as attributes: `evidence.steal_seconds`. None is what the system does not tell.
    """

    wall_seconds: float
    own_seconds: float
    """CPU time of our process, all threads."""
    cpus: int = 1
    """CPUs in the placement; seconds of CPU time can reach `wall_seconds * cpus`."""
    disturbance: Disturbance | None = None
    """Why these blocks are set aside, or None."""
    quantities: Mapping[str, int | float | None] = part(_schema)
    """By name, as described in `DESCRIPTIONS`."""

    def __getattr__(self, name: str) -> int | float | None:
        quantities: Mapping[str, int | float | None] = self.__dict__.get("quantities", {})
        if name in quantities:
            return quantities[name]
        if name in DESCRIPTIONS:
            return None
        raise AttributeError(f"evidence has no {name!r}")
