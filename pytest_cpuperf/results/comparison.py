"""Two results files held against each other: what changed beyond its interval."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True)
class Change:
    """How a figure of one test changed: above 1 the head is better."""

    test: str
    label: str
    point: float
    low: float
    high: float
    basis: str
    """What was compared: `relative` (to the machine), `speedup`, or the absolute figure's unit."""

    @property
    def beyond_noise(self) -> bool:
        """Whether the change is beyond its interval."""
        return self.low > 1 or self.high < 1


class Obstacle(Enum):
    """Why two figures of one test cannot be compared."""

    KIND = "kind"
    KERNEL = "kernel"
    """Speeds against different reference kernels."""
    NO_ESTIMATE = "no estimate"
    UNIT = "unit"
    MACHINE = "machine"
    """Absolute figures of different machines."""
    PLACEMENT = "placement"
    """Absolute figures of different CPUs of one machine."""


@dataclass(frozen=True)
class NotCompared:
    """A measurement that both files have and that cannot be compared."""

    test: str
    label: str
    obstacle: Obstacle
    base: str = ""
    head: str = ""
    """What the obstacle is in either file: their kinds, kernels or units."""


@dataclass(frozen=True)
class Difference:
    """What differs between the two machines, or what ran on them."""

    name: str
    base: str
    head: str


@dataclass(frozen=True)
class Comparison:
    """All of two files."""

    differences: tuple[Difference, ...]
    moved_tests: int
    """How many tests ran on other CPUs."""
    changes: tuple[Change, ...]
    """What got worse first."""
    not_compared: tuple[NotCompared, ...]
    appeared: tuple[tuple[str, str], ...]
    vanished: tuple[tuple[str, str], ...]
