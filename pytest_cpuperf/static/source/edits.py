"""Fixes applied to text: all else stays as it is, character for character."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from pytest_cpuperf.results.findings import Edit, Fix
from pytest_cpuperf.static.source.patterns import pattern

# The line ends Python knows; str.splitlines knows more (form feeds, for one), and would count lines differently.
LINE_END = pattern(r"\r\n|\r|\n")


def line_starts(text: str) -> list[int]:
    """Return the offset at which each line of a text begins."""
    if "\r" in text:
        return [0, *(m.end() for m in LINE_END.finditer(text))]
    starts = [0]
    starts += accumulate(len(line) + 1 for line in text.split("\n"))
    return starts[:-1]


def apply_fixes(text: str, fixes: Iterable[Fix]) -> tuple[str, int]:
    """Return the text with as many fixes applied as do not overlap, first come first served, and their number.

    All edits of a fix are made, or none. The rest is for another pass.
    """
    starts = line_starts(text)
    taken: list[tuple[int, int, str]] = []
    applied = 0
    for fix in fixes:
        spans = [_span(edit, starts) for edit in fix.edits]
        if any(_overlaps(span, other) for span in spans for other in taken):
            continue
        taken += spans
        applied += 1
    for start, end, replacement in sorted(taken, reverse=True):
        text = text[:start] + replacement + text[end:]
    return text, applied


def _span(edit: Edit, starts: list[int]) -> tuple[int, int, str]:
    return starts[edit.line - 1] + edit.column - 1, starts[edit.end_line - 1] + edit.end_column - 1, edit.text


def _overlaps(a: tuple[int, int, str], b: tuple[int, int, str]) -> bool:
    # Two insertions at one place overlap too: their order would be chance.
    return a[0] <= b[1] and b[0] <= a[1] if a[0] == a[1] or b[0] == b[1] else a[0] < b[1] and b[0] < a[1]
