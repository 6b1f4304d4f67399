"""Fixes applied to text: all else stays as it is, character for character."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import TypeAlias

from pytest_cpuperf.results.findings import Edit, Fix
from pytest_cpuperf.static.source.patterns import pattern

# The line ends Python knows; str.splitlines knows more (form feeds, for one), and would count lines differently.
LINE_END = pattern(r"\r\n|\r|\n")


def lines_of(text: str) -> list[str]:
    """Return the lines of a text, without their ends, as Python counts them; the last may be empty."""
    return LINE_END.split(text) if "\r" in text else text.split("\n")


def line_starts(text: str) -> list[int]:
    """Return the offset at which each line of a text begins."""
    if "\r" in text:
        return [0, *(m.end() for m in LINE_END.finditer(text))]
    starts = [0]
    starts += accumulate(len(line) + 1 for line in text.split("\n"))
    return starts[:-1]


Change: TypeAlias = "tuple[int, int, str]"
"""From where up to where in a text something is replaced, and by what."""


def changes_of(text: str, fixes: Iterable[Fix]) -> tuple[list[Change], int]:
    """Return the changes, in order, of as many fixes as do not overlap, first come first served, and their number.

    All edits of a fix are among them, or none. The rest is for another pass.
    """
    starts = [*line_starts(text), len(text)]  # the last: for what goes after a line that does not end
    taken: list[Change] = []  # in order, so that a change is held against its neighbours alone
    count = 0
    for fix in fixes:
        spans = [_span(edit, starts) for edit in fix.edits]
        if any(_overlaps(span, other) for span in spans for other in _neighbours(span, taken)):
            continue
        for span in spans:
            bisect.insort(taken, span)
        count += 1
    return taken, count


def changed(text: str, changes: Sequence[Change]) -> str:
    """Return the text with changes made, which are in order and do not overlap."""
    pieces = []
    at = 0
    for start, end, replacement in changes:
        pieces += [text[at:start], replacement]
        at = end
    return "".join((*pieces, text[at:]))


def _span(edit: Edit, starts: list[int]) -> Change:
    return starts[edit.line - 1] + edit.column - 1, starts[edit.end_line - 1] + edit.end_column - 1, edit.text


def _neighbours(span: Change, taken: list[Change]) -> list[Change]:
    """Return the changes next to a place, among some that are in order and do not overlap."""
    at = bisect.bisect_left(taken, span)
    return taken[max(0, at - 1) : at + 1]


def _overlaps(a: Change, b: Change) -> bool:
    # Two insertions at one place overlap too: their order would be chance.
    return a[0] <= b[1] and b[0] <= a[1] if a[0] == a[1] or b[0] == b[1] else a[0] < b[1] and b[0] < a[1]
