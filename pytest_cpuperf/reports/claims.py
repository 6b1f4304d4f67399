"""The claims table of `cpuperf prove`."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from pytest_cpuperf.reports.terminal import arms_table, figure_text, texts_text
from pytest_cpuperf.results.claims import Claim

_HEADINGS = ("claim", "promised", "here, this model, these texts", "judgement")


def claims_text(claims: Sequence[Claim], width: int) -> str:
    """Return each claim with what was promised, what was measured here, and the judgement with its reason."""
    documents = [claim.plain() for claim in claims]
    rows = [row for claim in documents for row in _rows(claim)]
    widths = [max(map(len, column)) + 2 for column in zip(_HEADINGS, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        return "".join(f"{cell:<{w}}" for cell, w in zip(cells, widths, strict=True)).rstrip()

    lines = [line(_HEADINGS), *map(line, rows)]
    for claim in documents:
        if claim["reason"]:
            text = f"{claim['heuristic']}: {claim['reason']}"
            lines += ["", *textwrap.wrap(text, max(40, width), subsequent_indent="  ")]
        for measurement in (claim["measurement"], *claim["also"]):
            if measurement.get("arms"):
                lines += ["", f"{measurement['label']}: {texts_text(measurement)}", *arms_table(measurement["arms"])]
    return "\n".join(lines)


def _rows(claim: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return a claim's row, and one for each other figure of it."""
    first = (claim["heuristic"], claim["promised"], claim_figure(claim["measurement"]), claim["judgement"])
    return [first, *(("", "", claim_figure(m), "") for m in claim["also"])]


def claim_figure(measurement: Mapping[str, Any]) -> str:
    """Return `2.4× [2.3, 2.5] over arrival`."""
    over = measurement["label"].rpartition(" over ")[2] if " over " in measurement["label"] else ""
    return f"{figure_text(measurement)}{f' over {over}' if over else ''}"
