"""When to look at a growing measurement, and how much of the allowed error each look spends.

Looking until something is significant drives false alarms far above the level asked for. So the looks are planned
before the first pair, and each spends part of alpha, by the Pocock-type spending function of Lan & DeMets,
"Discrete sequential boundaries for clinical trials", Biometrika 70 (1983), 659-663. The shares are added up
(Bonferroni), which is a little wider than need be and holds whatever the dependence between looks; an interval at
such a share holds whenever the measurement stops (Jennison & Turnbull, "Repeated confidence intervals", 1989).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from pytest_cpuperf.measure.estimate import smallest_count

FRACTIONS = (1 / 8, 1 / 4, 1 / 2, 1.0)
_EARLY_SHARE = 0.4


@dataclass(frozen=True)
class Look:
    """One planned look: after how many pairs, and the two-sided error it may spend."""

    pairs: int
    alpha: float


def spent(fraction: float, alpha: float) -> float:
    """Return the error spent when `fraction` (0 to 1) of the planned pairs are in: alpha * ln(1 + (e - 1) t)."""
    return alpha * math.log(1 + (math.e - 1) * fraction)


def plan_looks(planned_pairs: int, alpha: float) -> tuple[Look, ...]:
    """Return the looks for a measurement of `planned_pairs`; looks too small for an interval are left out.

    The last is always at `planned_pairs`; the error of looks left out goes to the next. No looks where even all
    pairs give no interval.
    """
    looks: list[Look] = []
    used = 0.0
    for fraction in FRACTIONS:
        pairs = math.ceil(planned_pairs * fraction)
        share = spent(fraction, alpha) - used
        if pairs >= smallest_count(share) and (not looks or pairs > looks[-1].pairs):
            looks.append(Look(pairs, share))
            used += share
    early = smallest_count(_EARLY_SHARE * alpha)
    if len(looks) == 1 and planned_pairs > early:
        # Slow work: all the fractions are too small for an interval. One early look lets a clear case end.
        return Look(early, _EARLY_SHARE * alpha), Look(planned_pairs, (1 - _EARLY_SHARE) * alpha)
    return tuple(looks)
