"""Text that is live: code without its strings and comments, found by one regular expression.

Most files of a large tree hold no trigger word, and most trigger words stand in docstrings. Telling that apart with a
parser costs a hundred times what it costs here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from pytest_cpuperf.static.source.patterns import pattern

# A string's prefix letters need not be matched: they are code as harmless as any name.
# Plain characters are taken in runs, not one by one: four times as fast.
_SKIPPED = (
    r"""\"{3}[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*\"{3}|'{3}[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'{3}"""
    r"""|"[^"\\\n]*(?:\\.[^"\\\n]*)*"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'|\#[^\n]*"""
)
_SKIP = pattern(_SKIPPED, re.DOTALL)


def matches(pattern: str, text: str) -> list[int]:
    """Return where a pattern matches in a text."""
    return [m.start() for m in _compiled(pattern).finditer(text)]


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def code_only(text: str) -> str:
    """Return the text with strings and comments blanked: same length, same line breaks.

    Quotes stay, so that an argument that was a string is still an argument.
    """
    return _SKIP.sub(_blank, text)


def comments(text: str) -> Iterator[tuple[int, str]]:
    """Yield the offset and text of each comment."""
    for match in _SKIP.finditer(text):
        if match.group()[0] == "#":
            yield match.start(), match.group().rstrip("\r")


def _blank(match: re.Match[str]) -> str:
    skipped = match.group()
    quote = "" if skipped[0] == "#" else skipped[0]
    if "\n" not in skipped:
        return quote + " " * (len(skipped) - 2 * len(quote)) + quote
    inner = "\n".join([" " * len(line) for line in skipped[1:-1].split("\n")])
    return f"{quote}{inner}{quote}"
