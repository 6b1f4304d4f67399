"""Intervals for a quantile of calls that depend on their neighbours.

Of n independent calls, how many lie below the p-quantile is binomial(n, p), so that order statistics bound the quantile
(David & Nagaraja, "Order Statistics", 7.1). Real calls are slow in spells, and n of them tell less. Woodruff,
"Confidence intervals for medians and other position measures", JASA 47 (1952), 635-646: find how surely the *share* of
calls above a value is known, and carry that over to the ordered values.

The calls, in the order of time, are cut into 20 contiguous batches. The variance of the share over these batches, over
the variance that independent calls would give, is the design effect. It turns n calls into fewer effective ones, and
Student's t with 19 degrees of freedom in place of the normal makes these fewer again; the binomial bounds are those of
the effective calls (Korn & Graubard, "Confidence intervals for proportions with small expected number of positive
counts estimated from survey data", Survey Methodology 24 (1998), 193-201).

Three choices are ours, from simulation (`benchmarks/truth.py latency`) and from calls that hardly vary:

- The design effect is the larger of those at the quantile and at the median: few calls are above a high percentile, and
  their batches show too little of the dependence.
- Batches that resemble their neighbours are too short. The design effect then grows by (1 + r) / (1 - r), r the
  correlation of neighbouring batches (Bayley & Hammersley, "The 'effective' number of independent observations in an
  autocorrelated time series", Suppl. J. R. Stat. Soc. 8 (1946), 184-197).
- Equal calls wander together by a thousandth or two, and would look dependent at a threshold among them. So the design
  effect is taken 1 % above and 1 % below, and the interval is 1 % wider on either side.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist

BATCHES = 20
_MOST_RESEMBLANCE = 0.9
_TOLERANCE = 1.01


def calls_needed(p: float, alpha: float, effect: float = 1.0) -> int:
    """Return the fewest calls from which a two-sided interval for the p-quantile exists at level 1 - alpha.

    `effect` is their design effect. They must be worth an independent call in each batch, and enough of these for the
    binomial bounds.
    """
    independent = max(BATCHES, math.ceil(math.log(alpha / 2) / math.log(max(p, 1 - p)) - 1e-9))
    return math.ceil(independent * effect / _share_kept(alpha) - 1e-9)


def design_effect(values: Sequence[float], p: float) -> float:
    """Return how many of these values, in the order of time, tell as much of the p-quantile as an independent one.

    At least 1. Values are above 0. Raises ValueError for fewer values than batches.
    """
    if len(values) < BATCHES:
        raise ValueError(f"a design effect needs {BATCHES} values, found {len(values)}")
    ordered = sorted(values)
    thresholds = [rank(ordered, share) * factor for share in (p, 0.5) for factor in (_TOLERANCE, 1 / _TOLERANCE)]
    return max(1.0, *(_design_effect_at(values, threshold) for threshold in thresholds))


def quantile(values: Sequence[float], p: float, alpha: float, effect: float) -> tuple[float, float, float]:
    """Return (point, low, high) of the p-quantile at level 1 - alpha, of values with a design effect.

    Raises ValueError for fewer values than `calls_needed(p, alpha, effect)`.
    """
    n, needed = len(values), calls_needed(p, alpha, effect)
    if n < needed:
        raise ValueError(f"an interval for p{100 * p:g} needs {needed} values, found {n}")
    ordered = sorted(values)
    effective = int(n * _share_kept(alpha) / effect + 1e-9)
    low, high = _ranks(effective, p, alpha)
    lowest, highest = ordered[low * n // effective], ordered[math.ceil((high + 1) * n / effective) - 1]
    return rank(ordered, p), lowest / _TOLERANCE, highest * _TOLERANCE


def rank(ordered: Sequence[float], p: float) -> float:
    """Return the p-quantile of some values: the smallest with at least a share p at or below it."""
    return ordered[max(0, math.ceil(len(ordered) * p) - 1)]


def _design_effect_at(values: Sequence[float], threshold: float) -> float:
    """Return the variance of the share above a threshold over that of independent values; 1 where none is above.

    The variance is that of a ratio over clusters (Cochran, "Sampling Techniques", 3rd ed., 9.7), as batches may differ
    in size by a value.
    """
    n = len(values)
    bounds = [n * k // BATCHES for k in range(BATCHES + 1)]
    above = [sum(v > threshold for v in values[a:b]) for a, b in itertools.pairwise(bounds)]
    share = sum(above) / n
    if not share:
        return 1.0
    deviations = [count - share * (b - a) for count, (a, b) in zip(above, itertools.pairwise(bounds), strict=True)]
    squares = sum(d * d for d in deviations)
    if not squares:
        return 1.0
    # The deviations sum to 0, which by itself makes neighbours differ by 1 / BATCHES.
    resemblance = sum(a * b for a, b in itertools.pairwise(deviations)) / squares + 1 / BATCHES
    resemblance = min(max(resemblance, 0.0), _MOST_RESEMBLANCE)
    variance_ratio = BATCHES / (BATCHES - 1) * squares / (n * share * (1 - share))
    return variance_ratio * (1 + resemblance) / (1 - resemblance)


@lru_cache(maxsize=1024)
def _ranks(n: int, p: float, alpha: float) -> tuple[int, int]:
    """Return the 0-based ranks of the bounds for the p-quantile of n independent values."""
    # P(B <= k) for B ~ binomial(n, p), from logarithms: (1 - p)**n underflows for large n.
    log_probability, below, low = n * math.log1p(-p), 0.0, 0
    for k in range(n):
        below += math.exp(log_probability)
        if below <= alpha / 2:
            low = k  # the (k + 1)-th smallest is below the quantile but for this tail
        if below >= 1 - alpha / 2:
            return low, k
        log_probability += math.log((n - k) / (k + 1) * p / (1 - p))
    return low, n - 1


@lru_cache
def _share_kept(alpha: float) -> float:
    """Return the share of effective values left when the design effect is itself estimated: (z / t)²."""
    z = NormalDist().inv_cdf(1 - alpha / 2)
    return (z / student_quantile(z, BATCHES - 1)) ** 2


def student_quantile(z: float, degrees: float) -> float:
    """Return the quantile of Student's t that has the probability of the normal's z.

    Source: the expansion in Abramowitz & Stegun, "Handbook of Mathematical Functions", 26.7.5. With 19 degrees of
    freedom it is within 0.01 % down to a two-sided error of 0.0001.
    """
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / degrees**order for order, term in enumerate(terms, 1))
