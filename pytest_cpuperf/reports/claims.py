"""The claims table of `cpuperf prove`."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from pytest_cpuperf.reports.measurement import arms_table, figure_text, texts_text
from pytest_cpuperf.reports.sentences import sentence
from pytest_cpuperf.results.claims import Claim
from pytest_cpuperf.results.measurements import BucketingMeasurement, ComparisonMeasurement, Measurement
from pytest_cpuperf.results.printable import printable

_HEADINGS = ("claim", "promised", "here, this model, these texts", "judgement")


def claims_text(claims: Sequence[Claim], width: int) -> str:
    """Return each claim with what was promised, what was measured here, and the judgement with its reason.

    What to set, as it follows from the judgements, comes last.
    """
    claims = printable(claims)
    lines = _side_by_side(claims)
    if max(map(len, lines)) > width:
        lines = _below_each_other(claims)
    for claim in claims:
        if claim.reason:
            lines += ["", *_wrapped(f"{claim.heuristic}: {sentence(claim.reason)}", width)]
        for measurement in measurements_of(claim):
            if isinstance(measurement, BucketingMeasurement) and measurement.arms:
                lines += ["", f"{measurement.label}: {texts_text(measurement)}", *arms_table(measurement.arms)]
    recommended = [claim.recommendation for claim in claims if claim.recommendation]
    if recommended:
        lines += ["", *_wrapped(f"use this: {', '.join(r.text for r in recommended)}", width)]
        lines += [f"  {code}" for r in recommended for code in r.code.splitlines()]
    return "\n".join(lines)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(40, width), subsequent_indent="  ")


def _side_by_side(claims: Sequence[Claim]) -> list[str]:
    """Return a row for each claim, its figure before its judgement, and one for each other figure of it."""
    rows = []
    for claim in claims:
        first, *others = _figures(claim) or ["-"]
        rows.append((claim.heuristic, claim.promised, first, claim.judgement.value))
        rows += [("", "", other, "") for other in others]
    return _columns(_HEADINGS, rows)


def _below_each_other(claims: Sequence[Claim]) -> list[str]:
    """Return a row for each claim, and its figures in lines below it: for what is too wide otherwise."""
    rows = [(claim.heuristic, claim.promised, claim.judgement.value) for claim in claims]
    heading, *lines = _columns((_HEADINGS[0], _HEADINGS[1], _HEADINGS[3]), rows)
    indented = [[f"  {figure}" for figure in _figures(claim)] for claim in claims]
    return [heading, *(line for row, below in zip(lines, indented, strict=True) for line in (row, *below))]


def _columns(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) + 2 for column in zip(headings, *rows, strict=True)]
    return ["".join(f"{c:<{w}}" for c, w in zip(cells, widths, strict=True)).rstrip() for cells in (headings, *rows)]


def _figures(claim: Claim) -> list[str]:
    """Return what was measured for a claim in figures, what its judgement stands on first."""
    return [claim_figure(m) for m in measurements_of(claim)]


def measurements_of(claim: Claim) -> list[Measurement]:
    """Return all that was measured for a claim, what its judgement stands on first."""
    return [m for m in (claim.measurement, *claim.also) if m is not None]


def claim_figure(record: Measurement) -> str:
    """Return `2.4× [2.3, 2.5] over arrival`, or what was compared with what: `… no_grad over grad`."""
    if isinstance(record, ComparisonMeasurement) and f" over {record.baseline}" in record.label:
        return f"{figure_text(record)} {record.label}"
    return f"{figure_text(record)}{f' over {record.baseline}' if record.baseline else ''}"
