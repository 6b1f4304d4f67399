"""Kinds of values: what each takes, and how a flag's or an ini file's text becomes one.

Plain classes: the idle plugin loads this file, and a dataclass costs as much as all the rest of it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any


class WrongValueError(ValueError):
    """A value that its setting does not take. The message says what is expected."""

    def __init__(self, expected: str, found: Any, choices: Sequence[str] = (), part: str = "") -> None:
        """`choices` are words it may be; `part` is the part of the setting that it is in: `.tests/*`."""
        super().__init__(expected)
        self.found = found
        self.choices = choices
        self.part = part


class Kind:
    """A kind of value."""

    metavar: str | None = None
    """What stands for the value in `--help`; None for a flag that takes none."""

    def check(self, value: Any) -> Any:
        """Return a value in the type that settings hold. Raises WrongValueError."""
        raise NotImplementedError

    def from_text(self, text: str) -> Any:
        """Return what a flag's or an ini file's text stands for; unfit text as it is, for `check` to refuse."""
        return text


class Switch(Kind):
    """True or false."""

    _WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}

    def check(self, value: Any) -> bool:
        """Return the boolean."""
        if not isinstance(value, bool):
            raise WrongValueError("true or false", value)
        return value

    def from_text(self, text: str) -> Any:
        """Return the boolean that a word stands for."""
        return self._WORDS.get(text.lower(), text)


class Seconds(Kind):
    """A number of seconds above 0."""

    metavar = "S"

    def check(self, value: Any) -> float:
        """Return the seconds."""
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= sys.float_info.max:
            raise WrongValueError("a number of seconds above 0", value)
        return float(value)

    def from_text(self, text: str) -> Any:
        """Return the number."""
        try:
            return float(text)
        except ValueError:
            return text


class Text(Kind):
    """Text that is not empty: a name of something."""

    def __init__(self, what: str, metavar: str) -> None:
        """`what` is expected, in a few words: `a file name`."""
        self._what = what
        self.metavar = metavar

    def check(self, value: Any) -> str:
        """Return the text."""
        if not isinstance(value, str) or not value:
            raise WrongValueError(self._what, value)
        return value


class Choice(Kind):
    """One of some words."""

    def __init__(self, *words: str, order: Sequence[str] = ()) -> None:
        """`order` is that of the words in `--help`, where it is another."""
        self._words = words
        self.metavar = "{" + ",".join(order or words) + "}"

    def check(self, value: Any) -> str:
        """Return the word."""
        if value not in self._words:
            raise WrongValueError(f"one of {', '.join(self._words)}", value, self._words)
        return str(value)


class Strings(Kind):
    """A list of strings."""

    def check(self, value: Any) -> tuple[str, ...]:
        """Return the strings."""
        if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
            raise WrongValueError("a list of strings", value)
        return tuple(value)


class Codes(Strings):
    """A list of rules' codes, or beginnings of codes."""

    def check(self, value: Any) -> tuple[str, ...]:
        """Return the codes."""
        codes = super().check(value)
        for code in codes:
            if not re.fullmatch(r"ALL|[A-Z]+\d{0,3}", code):
                raise WrongValueError("rule codes like 'CPU101', or 'ALL'", code)
        return codes


class CodesByPattern(Kind):
    """A table of pattern = [codes]."""

    def check(self, value: Any) -> dict[str, tuple[str, ...]]:
        """Return the codes by pattern."""
        if not isinstance(value, Mapping):
            raise WrongValueError("a table of pattern = [codes]", value)
        checked = {}
        for pattern, codes in value.items():
            try:
                checked[str(pattern)] = Codes().check(codes)
            except WrongValueError as wrong:
                raise WrongValueError(str(wrong), wrong.found, part=f".{pattern}") from None
        return checked
