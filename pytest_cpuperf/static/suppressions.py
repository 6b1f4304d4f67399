"""Comments that silence findings, and those of them that silence nothing.

`# noqa: CPU101` and `# cpuperf: ignore[CPU101] reason` on a line, `# cpuperf: ignore-file[CPU101]` for a file.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from pytest_cpuperf.static.source.edits import line_starts
from pytest_cpuperf.static.source.live import comments
from pytest_cpuperf.static.source.spans import Span

_NOQA = re.compile(r"#\s*noqa\b(?P<listed>:\s*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*))?", re.IGNORECASE)
_IGNORE = re.compile(r"#\s*cpuperf:\s*ignore(?P<file>-file)?\[(?P<codes>[^\]#]*)\][^#]*")
# What a file must hold for one of its comments to name a rule of ours: first what is found fast, and rules out most.
_OURS = re.compile(rb"[cC][pP][uU][\dpP]")
_SCREEN = re.compile(rb"noqa:[^\n]*CPU\d|cpuperf:\s*ignore", re.IGNORECASE)


@dataclass(frozen=True)
class Suppression:
    """One comment's say. `*` among the codes stands for all."""

    line: int
    codes: tuple[str, ...]
    whole_file: bool
    place: Span
    """The comment, or the part of it that is ours."""
    listed: tuple[Span, tuple[str, ...]]
    """Where the codes stand, and how they are written."""
    removal: tuple[Span, str] | None
    """What goes when it is removed, and what stands there instead; None where what the comment goes on to say would
    become something else: `nosec` after our codes means nothing, and right after the `#` it is heard."""

    def covers(self, code: str) -> bool:
        """Return whether the comment speaks of a rule."""
        return code in self.codes or "*" in self.codes

    def without(self, idle: Sequence[str]) -> tuple[Span, str] | None:
        """Return where to write what, so that it is without some of its codes and all else it says stays."""
        place, codes = self.listed
        kept = [code for code in codes if code.upper() not in idle]
        return (place, ", ".join(kept)) if kept else self.removal


@dataclass(frozen=True)
class Suppressions:
    """A file's suppressions."""

    all: tuple[Suppression, ...] = ()

    def silencing(self, code: str, lines: set[int]) -> set[tuple[int, str]]:
        """Return (index of the comment, code) of each comment that silences a rule's finding on some lines."""
        near = [index for line in lines for index in self._by_line.get(line, ())]
        return {(index, code) for index in (*self._of_file, *near) if self.all[index].covers(code)}

    @cached_property
    def _by_line(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for index, comment in enumerate(self.all):
            found.setdefault(comment.line, []).append(index)
        return found

    @cached_property
    def _of_file(self) -> list[int]:
        return [index for index, comment in enumerate(self.all) if comment.whole_file]


def names_our_codes(data: bytes) -> bool:
    """Return whether a file's bytes may hold a comment that names a rule of ours."""
    return _OURS.search(data) is not None and _SCREEN.search(data) is not None


def read_suppressions(text: str) -> Suppressions:
    """Return the suppressions in Python comments; a comment's words inside a string are none."""
    lowered = text.lower()
    if "noqa" not in lowered and "cpuperf" not in lowered:
        return Suppressions()
    return from_comments(_comments(text))


def from_comments(found_comments: Iterable[tuple[int, int, str, int]]) -> Suppressions:
    """Return the suppressions in comments, given as (line, column from 1, text, blanks before the comment)."""
    found = []
    for line, column, comment, blanks in found_comments:
        for match in [*_NOQA.finditer(comment), *_IGNORE.finditer(comment)]:
            is_noqa = match.re is _NOQA
            written = _codes(match["codes"] or "")
            codes = ("*",) if is_noqa and not match["codes"] else tuple(code.upper() for code in written)
            end = match.start() + len(match.group().rstrip())

            def span(start: int, end: int, line: int = line, column: int = column) -> Span:
                return Span(line, column + start, line, column + end)

            whole_file = not is_noqa and bool(match["file"])
            removal = _removal(comment, match.start(), end, blanks)
            found.append(
                Suppression(
                    line,
                    codes,
                    whole_file,
                    span(match.start(), end),
                    (span(*match.span("codes")), written),
                    None if removal is None else (span(*removal[0]), removal[1]),
                )
            )
    return Suppressions(tuple(found))


def _codes(text: str) -> tuple[str, ...]:
    return tuple(c for c in re.split(r"[,\s]+", text.strip()) if c)


def _removal(comment: str, start: int, end: int, blanks: int) -> tuple[tuple[int, int], str] | None:
    """Return what to cut out of a comment and what to write instead, so that the rest of it stays a comment."""
    rest = comment[end:].lstrip()
    if not rest:
        before = len(comment[:start].rstrip())
        return (before if start else -blanks, len(comment)), ""
    after = len(comment) - len(rest)
    if rest[0] == "#":
        return (start, after), ""
    return None if rest[0].isalnum() else ((start, after), "# ")


def _comments(text: str) -> Iterator[tuple[int, int, str, int]]:
    """Yield (line, column from 1, text, blanks before it) of each comment."""
    starts = line_starts(text)
    for offset, comment in comments(text):
        line = bisect.bisect_right(starts, offset)
        before = text[starts[line - 1] : offset]
        yield line, len(before) + 1, comment, len(before) - len(before.rstrip())
