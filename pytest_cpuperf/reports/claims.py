"""The claims table of `cpuperf prove`."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from pytest_cpuperf.reports.terminal import arms_table, figure_text
from pytest_cpuperf.results.claims import Claim
from pytest_cpuperf.results.records import BucketingMeasurement


def claims_text(claims: Sequence[Claim], width: int) -> str:
    """Return each claim with what was promised, what was measured here, and the judgement with its reason."""
    lines = [f"{'claim':<16}{'promised':<16}{'here, this model, these texts':<32}judgement"]
    for claim in claims:
        figure = figure_text(claim.measurement.plain())
        lines.append(f"{claim.heuristic:<16}{claim.promised:<16}{figure:<32}{claim.judgement}")
        if claim.reason:
            lines += textwrap.wrap(claim.reason, max(40, width), initial_indent="  ", subsequent_indent="  ")
        if isinstance(claim.measurement, BucketingMeasurement) and claim.measurement.arms:
            lines += ["", *(f"  {line}" for line in arms_table(claim.measurement.plain()["arms"]))]
    return "\n".join(lines)
