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
# Plain characters are taken in runs, not one by one: four times as fast. Every form begins with a literal character,
# `""` rather than `"{2}`, so that the engine looks for one of these alone: three times as fast.
_SKIPPED = (
    r"""\"\"\"[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*\"{3}|'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'{3}"""
    r"""|"[^"\\\n]*(?:\\.[^"\\\n]*)*"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'|\#[^\n]*"""
)
_SKIP = pattern(_SKIPPED, re.DOTALL)


def matches(pattern: str, text: str) -> list[int]:
    """Return where a pattern matches in a text. Fast where it begins with a literal, and is no choice of several."""
    literal, compiled = _compiled(pattern)
    if not literal:
        return [m.start() for m in compiled.finditer(text)]
    found: list[int] = []
    at = text.find(literal)  # many times as fast as the regular expression engine looks for one
    while at >= 0:
        match = compiled.match(text, at)
        if match is not None:
            found.append(at)
        at = text.find(literal, match.end() if match is not None else at + 1)
    return found


@cache
def _compiled(pattern: str) -> tuple[str, re.Pattern[str]]:
    """Return the literal that all matches of a pattern begin with, as far as it is plain, and the pattern compiled."""
    outside, before = pattern, ""
    while outside != before:  # groups in groups
        outside, before = _BRACKETED.sub("", outside), outside
    literal = None if "|" in outside else _LITERAL.match(pattern)
    return literal.group() if literal is not None else "", re.compile(pattern)


# What is followed by `?`, `*`, `{` or more of a name is not, or not always, there as a whole.
_LITERAL = pattern(r"[\w\"']+(?![\w\"'?*+{])")
_BRACKETED = pattern(r"\\.|\[[^\]]*\]|\([^()]*\)")


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
