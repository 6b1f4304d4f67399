"""When to look at a growing measurement, and how much of the allowed error each look spends.

Looking until something is significant drives false alarms far above the level asked for. So the looks are planned
before the first unit, and each has its share of the error.

Single calls: shares by the Pocock-type spending function of Lan & DeMets, "Discrete sequential boundaries for clinical
trials", Biometrika 70 (1983), 659-663, added up (Bonferroni), which holds whatever the dependence between looks.

Pairs: looks share most of their pairs, and adding up would be far too wide. Without a difference the signs of pairs are
fair coins, whatever their distribution (as long as it is symmetric), so that the joint distribution of the signed-rank
statistics over all looks is known: it was drawn 200,000 times (`benchmarks/truth.py looks` repeats it). Intervals at
these levels hold at all looks together (Jennison & Turnbull, "Repeated confidence intervals", J. R. Stat. Soc. B 51
(1989), 305-361).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from pytest_cpuperf.measure.estimate import smallest_count

FRACTIONS = (1 / 8, 1 / 4, 1 / 2, 1.0)


@dataclass(frozen=True)
class PairLook:
    """One look at pairs, as shares of the error allowed."""

    count: int
    level: float
    """Two-sided level of the interval at this look."""
    spent: float
    """The error of this look and those before it together, rounded up."""


PAIR_LOOKS = (
    PairLook(8, 0.1564, 0.17),
    PairLook(11, 0.136, 0.23),
    PairLook(16, 0.104, 0.30),
    PairLook(22, 0.106, 0.36),
    PairLook(32, 0.122, 0.44),
    PairLook(45, 0.152, 0.53),
    PairLook(64, 0.182, 0.63),
    PairLook(90, 0.21, 0.75),
    PairLook(128, 0.254, 0.89),
    PairLook(160, 0.27, 1.0),
)
MOST_PAIRS = PAIR_LOOKS[-1].count
# A look so soon before the last one would tell little more than that one, and cost some of its error.
_APART = 1.15


@dataclass(frozen=True)
class PlannedLook:
    """One planned look: after how many units (pairs, or calls), and the two-sided error it may spend."""

    count: int
    alpha: float
    left: float
    """What it may spend if it is the last one after all: time is over before its units are in."""


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
            looks.append(PlannedLook(count, share, alpha - used))
            used += share
    return tuple(looks)


def plan_pair_looks(planned: int, alpha: float) -> tuple[PlannedLook, ...]:
    """Return the looks for a measurement of so many pairs, `MOST_PAIRS` at most.

    The last look is at `planned`, and has what the looks before it leave. No looks where all pairs give no interval.
    """
    looks: list[PlannedLook] = []
    used = 0.0
    for look in PAIR_LOOKS:
        # A look at fewer pairs than in the table is as safe: it resembles the one before it more.
        left = max(alpha * look.level, alpha - used)
        if look.count * _APART > planned or look is PAIR_LOOKS[-1]:
            return (*looks, PlannedLook(planned, left, left)) if planned >= smallest_count(left) else tuple(looks)
        if look.count >= smallest_count(alpha * look.level):
            looks.append(PlannedLook(look.count, alpha * look.level, left))
            used = alpha * look.spent
    raise AssertionError("the last look returns")
