"""The ratio of two means over rounds, by the jackknife.

Where a round samples a part of the work, what it estimates of the whole is right in the mean over rounds, and in
nothing else: the centre of skewed rounds (a median, Hodges-Lehmann) is another number, and so is the mean of their
ratios. What is asked for is the ratio of the means. Its logarithm is estimated from pseudo-values, one a round, which
take off most of the bias that a ratio of few rounds has (Quenouille, "Notes on bias in estimation", Biometrika 43
(1956), 353-360) and behave like independent values with its variance, so that Student's t gives the interval (Tukey,
"Bias and confidence in not-quite large samples", Ann. Math. Stat. 29 (1958), 614; Miller, "The jackknife - a review",
Biometrika 61 (1974), 1-15, who also says why to take logarithms: the ratio is skewed, and above 0).

One wild round moves a mean. The interval shows that by its width; it is not made robust.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, stdev

from pytest_cpuperf.measure.quantiles import student_quantile


def ratio_of_means(
    numerators: Sequence[float], denominators: Sequence[float], alpha: float
) -> tuple[float, float, float]:
    """Return (point, low, high) of the mean of some values over that of others, at level 1 - alpha.

    All values are above 0; those at the same place are of the same round and may depend on each other. Rounds are taken
    to be independent. Raises ValueError for fewer than 3 rounds, or not as many of either.
    """
    n = len(numerators)
    if n < 3 or len(denominators) != n:
        raise ValueError(f"a ratio of means needs 3 rounds with two values each, found {n} and {len(denominators)}")
    above, below = math.fsum(numerators), math.fsum(denominators)
    whole = math.log(above / below)
    pseudo = [
        n * whole - (n - 1) * math.log((above - a) / (below - b)) for a, b in zip(numerators, denominators, strict=True)
    ]
    centre = fmean(pseudo)
    z = NormalDist().inv_cdf(1 - alpha / 2)
    half = student_quantile(z, n - 1) * stdev(pseudo) / math.sqrt(n)
    return math.exp(centre), math.exp(centre - half), math.exp(centre + half)
