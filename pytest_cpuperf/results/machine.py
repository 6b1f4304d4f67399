"""What a machine is: it travels with every result, because speed and accuracy depend on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Machine:
    """CPUs, limits, instruction set, and versions of what runs on it."""

    fingerprint: str
    """A hash of what absolute figures depend on."""
    processor: str | None = None
    instruction_set: tuple[str, ...] = ()
    """The instruction sets that decide which kernels inference libraries take."""
    cpus: tuple[int, ...]
    """All that are online."""
    cores: int | None = None
    numa_nodes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """CPUs by node."""
    quota: float | None = None
    """CPUs' worth of time that the cgroup allows; None without a limit."""
    usable: int | None = None
    """How many CPUs' worth of work can run at once."""
    system: str = ""
    python: str | None = None
    versions: Mapping[str, str | None] = field(default_factory=dict)
    """Of the packages that compute; None for what is not installed."""
    thread_variables: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that set how many threads libraries start."""
