"""The base of all remarks, and the remark that somebody else worded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pytest_cpuperf.results.codec import Kinds


class Remark(Kinds, family=True):
    """Something a reader should know of a figure: facts, not a sentence."""

    @classmethod
    def unknown(cls, value: Mapping[str, Any]) -> Stated | None:
        """Return the words that were written with a remark of a kind that no package here brings."""
        text = value.get("text")
        return Stated(text) if isinstance(text, str) else None


@dataclass(frozen=True)
class Stated(Remark):
    """Somebody else's words: an error's message, or a sentence from a results file of an earlier version."""

    kind: ClassVar[str] = "stated"
    text: str


def stated(text: str) -> Stated | None:
    """Return words as a remark; None for none."""
    return Stated(text) if text else None
