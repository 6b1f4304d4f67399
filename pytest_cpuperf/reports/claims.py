"""The claims table of `cpuperf prove`."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from pytest_cpuperf.reports.measurement import arms_table, figure_text, texts_text
from pytest_cpuperf.reports.sentences import sentence
from pytest_cpuperf.results.claims import Claim
from pytest_cpuperf.results.measurements import BucketingMeasurement, Measurement
from pytest_cpuperf.results.printable import printable

_HEADINGS = ("claim", "promised", "here, this model, these texts", "judgement")


def claims_text(claims: Sequence[Claim], width: int) -> str:
    """Return each claim with what was promised, what was measured here, and the judgement with its reason.

    What to set, as it follows from the judgements, comes last.
    """
    claims = printable(claims)
    rows = [row for claim in claims for row in _rows(claim)]
    widths = [max(map(len, column)) + 2 for column in zip(_HEADINGS, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        return "".join(f"{cell:<{w}}" for cell, w in zip(cells, widths, strict=True)).rstrip()

    lines = [line(_HEADINGS), *map(line, rows)]
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


def _rows(claim: Claim) -> list[tuple[str, ...]]:
    """Return a claim's row, and one for each other figure of it."""
    figure = claim_figure(claim.measurement) if claim.measurement else "-"
    first = (claim.heuristic, claim.promised, figure, claim.judgement.value)
    return [first, *(("", "", claim_figure(m), "") for m in claim.also)]


def measurements_of(claim: Claim) -> list[Measurement]:
    """Return all that was measured for a claim, what its judgement stands on first."""
    return [m for m in (claim.measurement, *claim.also) if m is not None]


def claim_figure(record: Measurement) -> str:
    """Return `2.4× [2.3, 2.5] over arrival`."""
    return f"{figure_text(record)}{f' over {record.baseline}' if record.baseline else ''}"
