"""Text that is live: code without its strings and comments, found by one regular expression.

Most files of a large tree hold no trigger word, and most trigger words stand in docstrings. Telling that apart with a
parser costs a hundred times what it costs here.
"""

from __future__ import annotations

import re
from functools import lru_cache

# A string's prefix letters need not be matched: they are code as harmless as any name.
_SKIPPED = (
    r"""\"{3}(?:[^"\\]|\\.|"(?!""))*\"{3}|'{3}(?:[^'\\]|\\.|'(?!''))*'{3}"""
    r"""|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\#[^\n]*"""
)
_SKIP = re.compile(_SKIPPED, re.DOTALL)


@lru_cache(maxsize=8)
def live_pattern(patterns: tuple[tuple[str, str], ...]) -> re.Pattern[str]:
    """Return one expression for several named ones that steps over strings and comments; its groups are the names.

    A name's own pattern may match a string, such as `"max_length"`, because it is tried first.
    """
    named = "|".join(f"(?P<{name}>{pattern})" for name, pattern in patterns)
    return re.compile(f"{named}|{_SKIPPED}", re.DOTALL)


def live_triggers(text: str, pattern: re.Pattern[str]) -> dict[str, list[int]]:
    """Return where in the text each named pattern is live, as offsets by name."""
    found: dict[str, list[int]] = {}
    for match in pattern.finditer(text):
        if match.lastgroup is not None:
            found.setdefault(match.lastgroup, []).append(match.start())
    return found


def code_only(text: str) -> str:
    """Return the text with strings and comments blanked: same length, same line breaks.

    Quotes stay, so that an argument that was a string is still an argument.
    """
    return _SKIP.sub(_blank, text)


def _blank(match: re.Match[str]) -> str:
    skipped = match.group()
    quote = "" if skipped[0] == "#" else skipped[0]
    if "\n" not in skipped:
        return quote + " " * (len(skipped) - 2 * len(quote)) + quote
    inner = re.sub(r"[^\r\n]", " ", skipped[1:-1])
    return f"{quote}{inner}{quote}"
