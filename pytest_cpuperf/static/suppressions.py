"""Comments that silence findings, and those of them that silence nothing.

`# noqa: CPU101` and `# cpuperf: ignore[CPU101] reason` on a line, `# cpuperf: ignore-file[CPU101]` for a file.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pytest_cpuperf.static.source.edits import line_starts
from pytest_cpuperf.static.source.live import comments
from pytest_cpuperf.static.source.spans import Span

_NOQA = re.compile(r"#\s*noqa\b(?P<listed>:\s*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*))?", re.IGNORECASE)
_IGNORE = re.compile(r"#\s*cpuperf:\s*ignore(?P<file>-file)?\[(?P<codes>[^\]]*)\][^#]*")
# What a file must hold for one of its comments to name a rule of ours.
_SCREEN = re.compile(rb"noqa:[^\n]*CPU\d|cpuperf:\s*ignore", re.IGNORECASE)


@dataclass(frozen=True)
class Suppression:
    """One comment's say. `*` among the codes stands for all."""

    line: int
    codes: tuple[str, ...]
    whole_file: bool
    place: Span
    """The comment, or the part of it that is ours."""
    is_noqa: bool
    removal: Span
    """What goes when it is removed: the place, and the blanks before it where the comment holds nothing else."""

    def covers(self, code: str) -> bool:
        """Return whether the comment speaks of a rule."""
        return code in self.codes or "*" in self.codes

    def rewritten(self, kept: Sequence[str]) -> str:
        """Return the comment, or our part of it, with some of its codes alone; nothing for none."""
        if not kept:
            return ""
        codes = ", ".join(kept)
        if self.is_noqa:
            return f"# noqa: {codes}"
        return f"# cpuperf: ignore{'-file' if self.whole_file else ''}[{codes}]"


@dataclass(frozen=True)
class Suppressions:
    """A file's suppressions."""

    all: tuple[Suppression, ...] = ()

    def silencing(self, code: str, lines: set[int]) -> set[tuple[int, str]]:
        """Return (index of the comment, code) of each comment that silences a rule's finding on some lines."""
        return {
            (index, code)
            for index, comment in enumerate(self.all)
            if comment.covers(code) and (comment.whole_file or comment.line in lines)
        }


def names_our_codes(data: bytes) -> bool:
    """Return whether a file's bytes may hold a comment that names a rule of ours."""
    return _SCREEN.search(data) is not None


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
            listed = match["codes"]
            codes = ("*",) if is_noqa and not listed else _codes(listed or "")
            end = match.start() + len(match.group().rstrip())
            place = Span(line, column + match.start(), line, column + end)
            alone = match.start() == 0 and not comment[end:].strip()
            removal = place._replace(column=place.column - blanks) if alone else place
            found.append(Suppression(line, codes, not is_noqa and bool(match["file"]), place, is_noqa, removal))
    return Suppressions(tuple(found))


def _codes(text: str) -> tuple[str, ...]:
    return tuple(c.upper() for c in re.split(r"[,\s]+", text.strip()) if c)


def _comments(text: str) -> Iterator[tuple[int, int, str, int]]:
    """Yield (line, column from 1, text, blanks before it) of each comment."""
    starts = line_starts(text)
    for offset, comment in comments(text):
        line = bisect.bisect_right(starts, offset)
        before = text[starts[line - 1] : offset]
        yield line, len(before) + 1, comment, len(before) - len(before.rstrip())
