"""How long sequences are, and how much of what a model is given is padding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class LengthStatistics:
    """Lengths in tokens. Percentiles are lengths that occur (nearest rank)."""

    count: int
    total: int
    shortest: int
    p25: int
    median: int
    p75: int
    p90: int
    longest: int


def length_statistics(lengths: Sequence[int]) -> LengthStatistics:
    """Return statistics of sequence lengths. Raises ValueError for none, or a length below 0."""
    check_lengths(lengths)
    if not lengths:
        raise ValueError("expected at least one length, found none")
    ordered = sorted(lengths)

    def percentile(share: float) -> int:
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    return LengthStatistics(
        count=len(ordered),
        total=sum(ordered),
        shortest=ordered[0],
        p25=percentile(0.25),
        median=percentile(0.5),
        p75=percentile(0.75),
        p90=percentile(0.9),
        longest=ordered[-1],
    )


def length_histogram(lengths: Sequence[int], bins: int = 40) -> tuple[tuple[int, int], ...]:
    """Return (longest of the bin, how many sequences) for at most `bins` bins of equal width, ascending.

    The bins reach from 1 to the longest sequence; empty ones are among them. Raises ValueError for fewer than one bin.
    """
    if bins < 1:
        raise ValueError(f"expected at least one bin, found {bins}")
    check_lengths(lengths)
    width = max(1, -(-max(lengths, default=0) // bins))
    counts = Counter(max(0, length - 1) // width for length in lengths)
    return tuple(((n + 1) * width, counts[n]) for n in range(max(counts, default=-1) + 1))


def padded_tokens(lengths: Sequence[int], batches: Iterable[Sequence[int]], padded_to: int | None = None) -> int:
    """Return the tokens a model is given when each batch is padded to its longest sequence, or all to `padded_to`."""
    return sum(len(b) * (padded_to or max(lengths[i] for i in b)) for b in batches if b)


def padding_waste(lengths: Sequence[int], batches: Iterable[Sequence[int]], padded_to: int | None = None) -> float:
    """Return the share of tokens that is padding, 0 to 1.

    Each batch is padded to its longest sequence, or all of them to `padded_to`. `batches` hold indices into `lengths`.
    Raises ValueError where an index is missing, comes twice or is unknown, or a sequence is longer than `padded_to`.
    """
    batches = [tuple(batch) for batch in batches]
    check_lengths(lengths)
    indices = sorted(i for batch in batches for i in batch)
    if indices != list(range(len(lengths))):
        raise ValueError(f"expected batches that hold each of {len(lengths)} sequences once")
    if padded_to is not None and max(lengths, default=0) > padded_to:
        raise ValueError(f"expected sequences of at most {padded_to} tokens, found {max(lengths)}")
    padded = padded_tokens(lengths, batches, padded_to)
    return 1 - sum(lengths) / padded if padded else 0.0


def speedup_ceiling(lengths: Sequence[int], batches: Iterable[Sequence[int]], padded_to: int | None = None) -> float:
    """Return how many times the real tokens the padded ones are: what no plan can gain more than.

    That is where time is spent on tokens alone; batches that are cheaper for each token than the padded ones, by their
    attention's smaller square or a better size, go beyond it.
    """
    real = sum(lengths)
    return padded_tokens(lengths, batches, padded_to) / real if real else 1.0


def check_lengths(lengths: Sequence[int]) -> None:
    """Raise ValueError for the first length below 0."""
    for index, length in enumerate(lengths):
        if length < 0:
            raise ValueError(f"expected lengths of 0 tokens or more, found {length} at index {index}")
