"""The base of all remarks, and the remark that somebody else worded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pytest_cpuperf.results.codec import Kinds


class Remark(Kinds, family=True):
    """Something a reader should know of a figure: facts, not a sentence. `str()` gives the words."""

    in_words: ClassVar[Callable[[Any], str]] = repr
    """Words a remark; `reports.sentences` puts itself here when it is loaded, as it is in each run that measures."""

    def __str__(self) -> str:
        return type(self).in_words(self)

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

    def __str__(self) -> str:
        return self.text


def stated(text: str) -> Stated | None:
    """Return words as a remark; None for none."""
    return Stated(text) if text else None
