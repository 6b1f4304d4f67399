"""Comments that silence findings.

`# noqa: CPU101` and `# cpuperf: ignore[CPU101] reason` on a line, `# cpuperf: ignore-file[CPU101]` for a file.
"""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field

_NOQA = re.compile(r"#\s*noqa\b(?P<listed>:\s*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*))?", re.IGNORECASE)
_IGNORE = re.compile(r"#\s*cpuperf:\s*ignore(?P<file>-file)?\[(?P<codes>[^\]]*)\]")
SCREEN = re.compile(rb"(?i)#\s*(noqa|cpuperf:)")


@dataclass(frozen=True)
class Suppressions:
    """Which codes are silenced on which lines, and in the whole file. `*` stands for all codes."""

    by_line: dict[int, frozenset[str]] = field(default_factory=dict)
    whole_file: frozenset[str] = frozenset()

    def silences(self, code: str, lines: set[int]) -> bool:
        """Return whether a finding of a rule on some lines is silenced."""
        if code in self.whole_file:
            return True
        return any({code, "*"} & self.by_line.get(line, frozenset()) for line in lines)


def read_suppressions(text: str) -> Suppressions:
    """Return the suppressions in a file's comments; a comment's words inside a string are none."""
    by_line: dict[int, frozenset[str]] = {}
    whole: frozenset[str] = frozenset()
    for line, comment in _comments(text):
        noqa = _NOQA.search(comment)
        if noqa:
            codes = _codes(noqa["codes"]) if noqa["listed"] else frozenset({"*"})
            by_line[line] = by_line.get(line, frozenset()) | codes
        for ignore in _IGNORE.finditer(comment):
            if ignore["file"]:
                whole |= _codes(ignore["codes"])
            else:
                by_line[line] = by_line.get(line, frozenset()) | _codes(ignore["codes"])
    return Suppressions(by_line, whole)


def _codes(text: str) -> frozenset[str]:
    return frozenset(c.upper() for c in re.split(r"[,\s]+", text.strip()) if c)


def _comments(text: str) -> Iterator[tuple[int, str]]:
    lines = iter(text.splitlines(keepends=True))
    try:
        for token in tokenize.generate_tokens(lambda: next(lines, "")):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string
    except (tokenize.TokenError, SyntaxError):
        return  # what libcst could parse and tokenize cannot: the comments up to here count
