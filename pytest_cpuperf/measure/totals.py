"""Total times beside the centre of pairs: the centre does not see blocks that are rarely slow, and total times do."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import fmean, median

from pytest_cpuperf.results.measurements import Pair
from pytest_cpuperf.results.remarks.measuring import TotalContradicts
from pytest_cpuperf.results.verdicts import Verdict

_PAIRS_A_LEFT_OUT = 50


def in_total(pairs: Sequence[Pair]) -> Pair:
    """Return a pair that takes as long as these do on average."""
    candidate, baseline = (fmean(getattr(p, side) for p in pairs) for side in ("candidate_seconds", "baseline_seconds"))
    return replace(pairs[0], candidate_seconds=candidate, baseline_seconds=baseline)


def contradicting_total(
    pairs: Sequence[Pair], of_pair: Callable[[Pair], float], at_least: float, verdict: Verdict
) -> TotalContradicts | None:
    """Return that the total times are on the other side of the budget from the verdict; None where they are not.

    Of 50 pairs the most extreme one is left out, as one stall decides nothing.
    """
    if verdict not in (Verdict.PASS, Verdict.FAIL):
        return None
    middle = median(of_pair(p) for p in pairs)
    usual_first = sorted(pairs, key=lambda p: abs(math.log(of_pair(p) / middle)))
    total = of_pair(in_total(usual_first[: len(pairs) - len(pairs) // _PAIRS_A_LEFT_OUT]))
    return None if (total >= at_least) is (verdict is Verdict.PASS) else TotalContradicts(total)
