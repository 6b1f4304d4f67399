"""Regular expressions that are compiled when they are first used.

A run loads every rule and most files need few of them: compiling all expressions would take a third of the time that
a clean file takes to check.
"""

from __future__ import annotations

import re
from typing import Any, cast

_METHODS = ("search", "match", "fullmatch", "finditer", "findall", "split", "sub", "subn")


class _Lazy:
    """Stands for a compiled expression, and has its methods from the first use on."""

    def __init__(self, text: str | bytes, flags: int) -> None:
        self._text, self._flags = text, flags

    def __getattr__(self, name: str) -> Any:
        compiled = re.compile(self._text, self._flags)
        for method in _METHODS:  # found before this method is asked, from now on
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)


def pattern(text: str, flags: int = 0) -> re.Pattern[str]:
    """Return an expression to be compiled when it is first used."""
    return cast("re.Pattern[str]", _Lazy(text, flags))
