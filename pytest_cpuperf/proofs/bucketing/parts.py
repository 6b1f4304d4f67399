"""Which of an arm's batches are timed in a round, where all would take too long.

A sample of the texts would not do: a plan for a few texts is another plan, with fewer neighbours of a length, and few
texts in arrival order have another longest one. So every arm cuts all texts into batches, and every round times others
of them: a systematic sample in which a batch is as likely as it is dear by the cost model. Measured over predicted
seconds then has the whole arm's as its mean over rounds, though the model may be wrong; how wrong it is shows in how
much rounds differ. (The Hansen-Hurwitz estimator; Cochran, "Sampling Techniques", 3rd ed., 9A.3 and 8.) The mean alone
has that property, and `judging` estimates it. A batch that is cut is the exception: what the model says of the whole
batch over its part is taken on trust.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from pytest_cpuperf.batching import Batch

Shape = tuple[int, int]
"""Sequences in a batch, and tokens that each is padded to."""

# Rounds begin at places of the list that are spread as evenly as can be, however many rounds there will be.
_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class BatchShare:
    """A batch that is timed."""

    batch: Batch
    """All its sequences, or the first of them where it alone would take too long for a round."""
    predicted: float
    """What it costs by the model."""
    cut: float = 1.0
    """What the whole batch costs over what these sequences do."""


class Parts:
    """An arm's batches, of which a part is timed in every round."""

    def __init__(
        self,
        batches: Sequence[Batch],
        shape: Callable[[Batch], Shape],
        cost: Callable[[int, int], float],
        max_seconds: float,
    ) -> None:
        """Choose parts that take about `max_seconds` by the cost model; all batches where they take no longer."""
        self._shape = shape
        self._cost = cost
        self._max_seconds = max_seconds
        priced = sorted(((cost(*shape(batch)), batch) for batch in batches), key=lambda pair: pair[0])
        self._all = [BatchShare(batch, price) for price, batch in priced]
        self._ends = list(itertools.accumulate(share.predicted for share in self._all))
        self.predicted = self._ends[-1]
        """What all batches cost by the model."""
        self.whole = self.predicted <= max_seconds
        """Whether every round times all batches."""
        self.cut_share = sum(s.predicted for s in self._all if self._is_cut(s)) / self.predicted
        """The share of the cost, by the model, that is in batches too long for a round, which are cut."""
        usual = sum(share.predicted**2 for share in self._all) / self.predicted
        self.batches_a_round = max(1, int(min(max_seconds, self.predicted) / usual))
        """How many batches a round times, where it does not time all."""
        self.usual_seconds = self.predicted if self.whole else min(self.batches_a_round * usual, max_seconds)
        """What a round's part costs by the model, usually."""

    def __len__(self) -> int:
        return len(self._all)

    def part(self, number: int) -> tuple[BatchShare, ...]:
        """Return the batches of a round, given its number from 0."""
        if self.whole:
            return tuple(self._all)
        offset = (0.5 + number * _GOLDEN) % 1.0
        places = [(k + offset) / self.batches_a_round * self.predicted for k in range(self.batches_a_round)]
        chosen = [self._all[min(bisect.bisect_right(self._ends, place), len(self._all) - 1)] for place in places]
        return tuple(self._cut(share) if self._is_cut(share) else share for share in chosen)

    def _is_cut(self, share: BatchShare) -> bool:
        return share.predicted > self._max_seconds

    def _cut(self, share: BatchShare) -> BatchShare:
        size, longest = self._shape(share.batch)
        # The longest sequence comes first, so that what is left is padded as the whole batch is.
        ordered = sorted(share.batch, key=lambda i: -self._shape((i,))[1])
        smaller = max(1, int(size * self._max_seconds / share.predicted))
        predicted = self._cost(smaller, longest)
        return BatchShare(tuple(ordered[:smaller]), predicted, share.predicted / predicted)

    def seconds(self, part: Sequence[BatchShare], measured: Sequence[float]) -> float:
        """Return what a part of usual cost takes, from what each batch of this one took."""
        if self.whole:
            return sum(measured)
        return self.usual_seconds * fmean(m / share.predicted for m, share in zip(measured, part, strict=True))

    def whole_seconds(self, seconds: float) -> float:
        """Return what all batches take, from what a part of usual cost takes."""
        return seconds * self.predicted / self.usual_seconds
