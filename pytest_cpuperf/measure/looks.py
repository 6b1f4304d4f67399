"""When to look at a growing measurement, and how much of the allowed error each look spends.

Looking until something is significant drives false alarms far above the level asked for. So the looks are planned
before the first pair, and each spends part of alpha, by the Pocock-type spending function of Lan & DeMets,
"Discrete sequential boundaries for clinical trials", Biometrika 70 (1983), 659-663. The shares are added up
(Bonferroni), which is a little wider than need be and holds whatever the dependence between looks; an interval at
such a share holds whenever the measurement stops (Jennison & Turnbull, "Repeated confidence intervals", 1989).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from pytest_cpuperf.measure.estimate import smallest_count

FRACTIONS = (1 / 8, 1 / 4, 1 / 2, 1.0)
_EARLY_SHARE = 0.4


@dataclass(frozen=True)
class PlannedLook:
    """One planned look: after how many units (pairs, or calls), and the two-sided error it may spend."""

    count: int
    alpha: float


def spent(fraction: float, alpha: float) -> float:
    """Return the error spent when `fraction` (0 to 1) of the planned pairs are in: alpha * ln(1 + (e - 1) t)."""
    return alpha * math.log(1 + (math.e - 1) * fraction)


def plan_looks(planned: int, alpha: float, fewest: Callable[[float], int]) -> tuple[PlannedLook, ...]:
    """Return the looks for a measurement of so many units; looks too small for an interval are left out.

    `fewest` returns how many units give an interval at a level. The last look is always at `planned`; the error of
    looks left out goes to the next. No looks where even all units give no interval.
    """
    looks: list[PlannedLook] = []
    used = 0.0
    for fraction in FRACTIONS:
        count = math.ceil(planned * fraction)
        share = spent(fraction, alpha) - used
        if count >= fewest(share) and (not looks or count > looks[-1].count):
            looks.append(PlannedLook(count, share))
            used += share
    return tuple(looks)


def plan_pair_looks(planned: int, alpha: float) -> tuple[PlannedLook, ...]:
    """Return the looks for a measurement of so many pairs, as `plan_looks` does.

    Where the work is so slow that only the last look is left, an early one lets a clear case end.
    """
    looks = plan_looks(planned, alpha, smallest_count)
    early = smallest_count(_EARLY_SHARE * alpha)
    if len(looks) == 1 and planned > early:
        return PlannedLook(early, _EARLY_SHARE * alpha), PlannedLook(planned, (1 - _EARLY_SHARE) * alpha)
    return looks
