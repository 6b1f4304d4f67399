"""`cpuperf calibrate` as text."""

from __future__ import annotations

import math
import textwrap

from pytest_cpuperf.reports.measurement import time_unit
from pytest_cpuperf.results.calibration import Calibration, GateRow, Verdicts, upper_bound
from pytest_cpuperf.results.figures import amount

_WIDTHS = (8, 10, 7, 21, 10, 14, 9)
_HEADINGS = ("gate", "slower by", "budget", "false alarms", "caught", "inconclusive", "seconds")


def calibration_text(calibration: Calibration, width: int) -> str:
    """Return how verdicts fell at each budget, then what this machine supports."""
    unit, scale = time_unit(calibration.call_seconds)
    runs = f"{calibration.runs} {'run' if calibration.runs == 1 else 'runs'} of each"
    lines = [
        f"function: {calibration.function}, {amount(calibration.call_seconds * scale)} {unit} a call; {runs}, "
        f"{calibration.max_seconds:g} s at most",
        "",
        _line(_HEADINGS),
        *(_line(_cells(row)) for row in calibration.rows),
        "",
        *textwrap.wrap(_errors(calibration), width),
        "",
        "This machine supports:",
    ]
    for gate in calibration.gates:
        text = f"{gate + ':':<9}{_supported(calibration, gate)}"
        lines += textwrap.wrap(text, width, initial_indent="  ", subsequent_indent=" " * 11)
    for reason in calibration.reasons:
        lines += ["", *textwrap.wrap(f"inconclusive, for example: {reason}", width)]
    return "\n".join(lines)


def _line(cells: tuple[str, ...]) -> str:
    return "".join(f"{c:<{w}}" if k == 0 else f"{c:>{w}}" for k, (c, w) in enumerate(zip(cells, _WIDTHS, strict=True)))


def _cells(row: GateRow) -> tuple[str, ...]:
    same, slower = row.same, row.slower
    return (
        row.gate,
        f"{row.slower_by:.0%}",
        f"{row.at_least:g}",
        _share(same.failed, same),
        f"{slower.failed} of {slower.count}",
        f"{same.inconclusive + slower.inconclusive} of {same.count + slower.count}",
        "-" if math.isnan(row.seconds) else f"{row.seconds:.1f}",
    )


def _share(count: int, verdicts: Verdicts) -> str:
    if not verdicts.count:
        return "-"
    return f"{count} of {verdicts.count} (≤ {upper_bound(count, verdicts.count):.0%})"


def _errors(calibration: Calibration) -> str:
    missed = sum(row.slower.passed for row in calibration.rows)
    slower = sum(row.slower.count for row in calibration.rows)
    return (
        f"{missed} of {slower} slower versions passed. ≤: the true share is no larger, with 95 % confidence; more runs "
        "tell more (--runs)."
    )


def _supported(calibration: Calibration, gate: str) -> str:
    found = calibration.supported(gate)
    tried = sorted({row.slower_by for row in calibration.rows if row.gate == gate})
    if not found:
        losses = ", ".join(f"{s:.0%}" for s in tried)
        return f"none of the losses that were tried ({losses}){_undecided(calibration, gate)}"
    told = "; ".join(f"a loss of {row.slower_by:.0%} in {row.seconds:.0f} s (budget {row.at_least:g})" for row in found)
    finer = [s for s in tried if s < found[0].slower_by]
    return f"{told}; do not ask for {max(finer):.0%}" if finer else f"{told}; less than that was not tried"


def _undecided(calibration: Calibration, gate: str) -> str:
    """Return how many verdicts were inconclusive, where that is most of them."""
    rows = [row for row in calibration.rows if row.gate == gate]
    count = sum(row.same.count + row.slower.count for row in rows)
    undecided = sum(row.same.inconclusive + row.slower.inconclusive for row in rows)
    return f": it was too busy, or max_seconds too short, for {undecided} of {count}" if 2 * undecided > count else ""
