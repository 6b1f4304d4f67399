"""The rule by which blocks are set aside.

It was written down before anything was measured and is blind to what was measured. Blocks are disturbed when more than
`DISTURBED_SHARE` of the time our threads wanted a CPU was spent waiting for one while others ran there (waiting for
each other does not count); or, where the kernel does not count waiting, when others took this share of the CPUs; or
when the hypervisor did; or when memory ran short for this share of the time; or when the quota stopped us. Migrations
and CPU pressure are recorded and decide nothing: threads of our own cause both.
"""

from __future__ import annotations

from dataclasses import replace

from pytest_cpuperf.machine.evidence.files import TICKS_PER_SECOND
from pytest_cpuperf.results.evidence import Disturbance, DisturbanceKind, Evidence

DISTURBED_SHARE = 0.05
# /proc/stat counts in ticks: over a short block it is off by a tick or two for each CPU.
_ERROR_TICKS = 2


def with_disturbance(evidence: Evidence, ticks_per_second: int = TICKS_PER_SECOND) -> Evidence:
    """Return the evidence with its `disturbance` by the rule above, the largest where there are several."""
    capacity = evidence.wall_seconds * evidence.cpus
    error = _ERROR_TICKS * evidence.cpus / ticks_per_second
    others, steal, waited = evidence.others_seconds, evidence.steal_seconds or 0.0, evidence.waited_seconds
    found: list[Disturbance] = []
    if waited is not None:
        # A process with more threads than CPUs waits for itself, and that is no disturbance: of its waiting no more is
        # put down to others than the time they ran.
        taken = (others or 0.0) + steal
        waited = min(waited, taken)
        share = waited / (waited + evidence.own_seconds) if waited else 0.0
        if share > DISTURBED_SHARE and taken >= _ERROR_TICKS / ticks_per_second:
            found.append(Disturbance(DisturbanceKind.WAITING, share))
    elif others is not None and others - error > DISTURBED_SHARE * capacity:
        found.append(Disturbance(DisturbanceKind.OTHERS, min(1.0, others / capacity)))
    if steal - error > DISTURBED_SHARE * capacity:
        found.append(Disturbance(DisturbanceKind.HYPERVISOR, min(1.0, steal / capacity)))
    short = (evidence.memory_pressure_seconds or 0.0) / evidence.wall_seconds if evidence.wall_seconds else 0.0
    if short > DISTURBED_SHARE:
        found.append(Disturbance(DisturbanceKind.MEMORY, min(1.0, short)))
    if evidence.throttled_periods:
        found.append(Disturbance(DisturbanceKind.QUOTA, 1.0, times=int(evidence.throttled_periods)))
    return replace(evidence, disturbance=max(found, key=lambda d: d.share, default=None))
