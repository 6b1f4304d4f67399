"""Hodges-Lehmann estimates with exact signed-rank intervals over pairs.

Sources: Hodges & Lehmann, "Estimates of location based on rank tests", Ann. Math. Stat. 34 (1963), 598-611;
Hollander, Wolfe & Chicken, "Nonparametric Statistical Methods" (3rd ed.), sections 3.2 and 3.3 (the median of
the Walsh averages, and its interval from Wilcoxon's null distribution). scipy has the test but neither the
estimate nor the interval, and the light install has no scipy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist, median

from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Estimate

# Above this the normal approximation is within 0.001 of the exact distribution's tails.
_EXACT_UP_TO = 50


def smallest_count(alpha: float) -> int:
    """Return the fewest values from which a two-sided interval of level 1 - alpha exists: 2 * 2**-n <= alpha."""
    return math.ceil(math.log2(2 / alpha) - 1e-12)


def hodges_lehmann(values: Sequence[float], alpha: float) -> tuple[float, float, float]:
    """Return (point, low, high) of the centre of `values` at level 1 - alpha.

    The values are taken to be independent and symmetric about their centre, which the log-ratios of pairs with
    exchangeable noise are. Raises ValueError for fewer values than `smallest_count(alpha)`.
    """
    n = len(values)
    if n < smallest_count(alpha):
        raise ValueError(f"an interval at alpha {alpha:g} needs {smallest_count(alpha)} values, found {n}")
    walsh = _walsh_averages(values)
    rank = lower_rank(n, alpha)
    return median(walsh), walsh[rank], walsh[len(walsh) - 1 - rank]


def centre(values: Sequence[float]) -> float:
    """Return the Hodges-Lehmann estimate alone: the median of the Walsh averages."""
    return median(_walsh_averages(values))


def _walsh_averages(values: Sequence[float]) -> list[float]:
    """Return the means of any two values, a value with itself among them, in order."""
    return sorted((values[i] + values[j]) / 2 for i in range(len(values)) for j in range(i, len(values)))


def lower_rank(n: int, alpha: float) -> int:
    """Return the 0-based rank of the Walsh average that is the interval's lower end.

    It is the largest c for which P(W < c + 1) <= alpha / 2 under the null, W the signed-rank statistic.
    """
    if n > _EXACT_UP_TO:
        mean, variance = n * (n + 1) / 4, n * (n + 1) * (2 * n + 1) / 24
        cut = mean + NormalDist().inv_cdf(alpha / 2) * math.sqrt(variance)
        return max(0, math.floor(cut - 0.5))
    tail = 0.0
    for statistic, probability in enumerate(_null_distribution(n)):
        tail += probability
        if tail > alpha / 2:
            return max(0, statistic - 1)
    raise AssertionError("the tails of a distribution sum to 1")


@lru_cache(maxsize=64)
def _null_distribution(n: int) -> tuple[float, ...]:
    """Return P(W = w) for w = 0 … n(n+1)/2: each rank 1…n is in the sum or not, with equal chance."""
    counts = [1]
    for rank in range(1, n + 1):
        longer = counts + [0] * rank
        for w in range(len(counts)):
            longer[w + rank] += counts[w]
        counts = longer
    whole = 2**n
    return tuple(c / whole for c in counts)


def estimate_of_logs(logs: Sequence[float], alpha: float, unit: Unit) -> Estimate:
    """Return the estimate, on the natural scale, of values given as logarithms."""
    point, low, high = (math.exp(v) for v in hodges_lehmann(logs, alpha))
    return Estimate(point, low, high, unit, 1 - alpha, len(logs))
