"""The `cpuperf` marker: what a test asks of its placement, and its patience."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import pytest

from pytest_cpuperf.errors import UsageError, nearest
from pytest_cpuperf.machine.placement import Request

_PATIENCE = ("max_seconds", "confidence")


@dataclass(frozen=True)
class Marker:
    """The marker's keywords, checked."""

    request: Request
    max_seconds: float | None = None
    confidence: float | None = None


def read_marker(marks: Iterable[tuple[tuple[Any, ...], Mapping[str, Any]]]) -> Marker:
    """Return what the `cpuperf` marks of a test say, given as (args, kwargs) from the farthest to the closest.

    The closest mark wins, keyword by keyword. Raises UsageError naming what is wrong.
    """
    merged: dict[str, Any] = {}
    for args, keywords in marks:
        if args:
            raise UsageError(f"@pytest.mark.cpuperf takes keywords only, found {args[0]!r}")
        merged.update(keywords)
    known = [*(f.name for f in fields(Request)), *_PATIENCE]
    for key in merged:
        if key not in known:
            hint = "known keywords: " + ", ".join(known)
            raise UsageError(f"@pytest.mark.cpuperf has no keyword {key!r}{nearest(key, known)}", hint)
    max_seconds, confidence = (merged.pop(key, None) for key in _PATIENCE)
    if max_seconds is not None and not (_number(max_seconds) and max_seconds > 0):
        raise UsageError(f"@pytest.mark.cpuperf: max_seconds takes a number above 0, found {max_seconds!r}")
    if confidence is not None and not (_number(confidence) and 0.5 <= confidence <= 0.9999):
        raise UsageError(f"@pytest.mark.cpuperf: confidence takes a number from 0.5 to 0.9999, found {confidence!r}")
    try:
        return Marker(Request.from_keywords(merged), max_seconds, confidence)
    except UsageError as error:
        raise UsageError(f"@pytest.mark.cpuperf: {error}") from None


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def marker_of(item: pytest.Item) -> Marker:
    """Return what a test's `cpuperf` marks say; fails the test, in one line, where they say what they cannot."""
    wrong: UsageError
    try:
        return read_marker([(m.args, m.kwargs) for m in reversed(list(item.iter_markers("cpuperf")))])
    except UsageError as error:
        wrong = error
    pytest.fail(f"{wrong}" + (f"\n{wrong.hint}" if wrong.hint else ""), pytrace=False)
