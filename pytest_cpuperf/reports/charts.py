"""A measurement's pairs over time, as paths of an SVG of 640 by 96.

They are plain text made here, for a run of 500 tests is to take under a second and two megabytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from pytest_cpuperf.results.figures import amount
from pytest_cpuperf.results.measurements import LatencyMeasurement, Measurement, Pair, ThroughputMeasurement
from pytest_cpuperf.results.verdicts import Estimate

_WIDTH, _HEIGHT, _MARGIN = 640, 96, 8


@dataclass(frozen=True)
class Chart:
    """A measured test's pairs over time, in the units of the SVG."""

    dots: str
    disturbed: str
    """Paths of the pairs used, and of those set aside."""
    interval: tuple[float, float]
    """Top and height of the interval's band."""
    point: float
    budget: float | None
    top: str
    bottom: str
    """The values at the chart's edges."""


def chart(record: Measurement) -> Chart | None:
    """Return the chart of a measurement; None where it has nothing to show over time, or no estimate."""
    estimate = record.estimate
    if not estimate or not estimate.pairs:
        return None
    values, aside = _points(record, estimate)
    if not values:
        return None
    budget = (record.budget.at_least or record.budget.at_most) if record.budget else None
    shown = [v for _, v in values] + [estimate.low, estimate.high] + ([budget] if budget else [])
    low, high = min(shown), max(shown)
    room = (high - low or abs(high) or 1.0) * 0.08
    low, high = low - room, high + room
    last = max(n for n, _ in [*values, *aside]) or 1

    def y(value: float) -> float:
        share = (min(max(value, low), high) - low) / (high - low)
        return float(round(_HEIGHT * (1 - share), 1))

    def path(points: Iterable[tuple[int, float]]) -> str:
        return "".join(f"M{_MARGIN + round((_WIDTH - 2 * _MARGIN) * n / last)} {y(v):g}h0" for n, v in points)

    top = y(estimate.high)
    return Chart(
        dots=path(values),
        disturbed=path(aside),
        interval=(top, max(1.0, round(y(estimate.low) - top, 1))),
        point=y(estimate.point),
        budget=None if budget is None else y(budget),
        top=amount(high),
        bottom=amount(low),
    )


_Points = list[tuple[int, float]]
"""(place in the order of measuring, value) of each pair, or group of calls, on the estimate's scale."""


def _points(record: Measurement, estimate: Estimate) -> tuple[_Points, _Points]:
    """Return what was used, and what was set aside."""
    if isinstance(record, LatencyMeasurement):
        used = [(g.number, g.seconds) for g in record.groups if not g.evidence.disturbance]
        return used, [(g.number, g.seconds) for g in record.groups if g.evidence.disturbance]
    if not record.pairs:
        return [], []
    # The estimate is of the pairs' centre: one factor takes pairs to its scale, whatever its unit.
    rate = isinstance(record, ThroughputMeasurement) and not estimate.unit.is_share
    scale = estimate.point / median(_speed(p, rate) for p in record.pairs)
    used, aside = ([(p.number, _speed(p, rate) * scale) for p in pairs] for pairs in (record.pairs, record.set_aside))
    return used, aside


def _speed(pair: Pair, rate: bool) -> float:
    return (1.0 if rate else pair.baseline_seconds) / pair.candidate_seconds
