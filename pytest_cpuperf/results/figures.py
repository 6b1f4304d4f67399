"""How figures are written, everywhere the same."""

from __future__ import annotations

import math
from collections.abc import Iterable


def amount(value: float) -> str:
    """Return a figure with three digits that mean something: `11.4`, `171`, `0.853`, `1,240`."""
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    size = abs(value)
    if size >= 100 or value == 0:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if size >= 1 else f"{value:.3g}"


def given(value: float) -> str:
    """Return a figure that somebody wrote, as exactly as they did: `0.95`, `2`, `1,000,000`."""
    return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:,.6g}"


def format_cpus(cpus: Iterable[int]) -> str:
    """Return CPUs as the kernel lists them: `{0, 1, 2, 8}` is `0-2,8`."""
    ranges: list[list[int]] = []
    for cpu in sorted(set(cpus)):
        if ranges and ranges[-1][1] == cpu - 1:
            ranges[-1][1] = cpu
        else:
            ranges.append([cpu, cpu])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)


# How many half-widths of an interval a difference must have to be found 95 times in 100, on a logarithmic scale:
# 1 + 1.645 / z, where z is 2.0 to 2.7 for the levels of the planned looks.
_FOUND = 1.75


def smallest_difference(point: float, low: float, high: float) -> float:
    """Return how far from a budget, as a share of it, the truth must be to be found with 95 % probability."""
    return math.expm1(_FOUND * math.log(max(high / point, point / low))) if min(point, low) > 0 else math.inf


def interval(point: float, low: float, high: float) -> tuple[str, str, str]:
    """Return a point and its interval, all to the same place: the second digit of the interval's width, or the fourth
    of the point where that comes first.

    More digits would be noise, fewer would hide which side of a budget the interval ends on.
    """
    width = high - low
    if not math.isfinite(width) or width <= 0:
        return amount(point), amount(low), amount(high)
    place = math.floor(math.log10(width)) - 1
    if point > 0:
        place = max(place, math.floor(math.log10(point)) - 3)

    def text(value: float) -> str:
        return f"{round(value, -place):,.{max(0, -place)}f}"

    return text(point), text(low), text(high)
