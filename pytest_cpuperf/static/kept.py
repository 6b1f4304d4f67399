"""What an edit must keep: around it, a file means what it meant before."""

from __future__ import annotations

import bisect
import io
import tokenize
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from pytest_cpuperf.static.configs.properties import Properties
from pytest_cpuperf.static.source.edits import Change, line_starts, lines_of
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.parse import parse
from pytest_cpuperf.static.source.text import SourceError


class _Part(NamedTuple):
    """A token of a source, or an entry of a configuration."""

    start: int
    end: int
    what: tuple[object, ...]
    is_comment: bool = False
    """Whether it means nothing, so that an edit may replace some of it."""


def keeps_the_rest(before: str, after: str, changes: Sequence[Change], language: str) -> bool:
    """Return whether `after`, which is `before` with some changes, parses, and is the same outside of them."""
    parts = _PARTS.get(language)
    if parts is None:
        return True
    try:
        if language == "python":
            parse(after)
            if Facts(before).symbols is not None and Facts(after).symbols is None:
                return False  # names that `ast` takes and the compiler does not: a global after its use
        old, new = list(parts(before)), list(parts(after))
    except (SourceError, SyntaxError, tokenize.TokenError):
        return False
    replaced, written = _Changed(changes, written=False), _Changed(changes, written=True)
    if any(replaced.cuts(part) for part in old) or any(written.cuts(part) for part in new):
        return False
    kept = [replaced.moved(part) for part in old if not replaced.touches(part)]
    return kept == [part for part in new if not written.touches(part)]


class _Changed:
    """Where a text was changed: the places that were replaced, or those of what is written there instead."""

    def __init__(self, changes: Sequence[Change], written: bool) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._shifts = [0]
        for start, end, text in changes:
            shift = self._shifts[-1]
            self._starts.append(start + shift if written else start)
            self._ends.append(start + shift + len(text) if written else end)
            self._shifts.append(shift + len(text) - (end - start))

    def touches(self, part: _Part) -> bool:
        """Return whether some of a part was changed; of a comment, whether something was that it may have been."""
        wider = 1 if part.is_comment else 0
        first = bisect.bisect_right(self._ends, part.start - wider)
        return first < len(self._starts) and self._starts[first] < part.end + wider

    def cuts(self, part: _Part) -> bool:
        """Return whether some of a part was changed and some was not, of one that means something as a whole only."""
        if part.is_comment or not self.touches(part):
            return False
        first = bisect.bisect_right(self._ends, part.start)
        return part.start < self._starts[first] or self._ends[first] < part.end

    def moved(self, part: _Part) -> _Part:
        """Return a part that was not touched, where it stands after the changes."""
        shift = self._shifts[bisect.bisect_right(self._ends, part.start)]
        return part._replace(start=part.start + shift, end=part.end + shift)


def _python(text: str) -> Iterator[_Part]:
    """Yield the tokens, each with its block's depth; a logical line ends where its last token does."""
    starts = line_starts(text)
    # Lines end in one way: `tokenize` does not know a carriage return alone.
    lines = io.StringIO("".join(f"{line}\n" for line in lines_of(text)))
    depth, last = 0, 0
    for token in tokenize.generate_tokens(lines.readline):
        if token.type in (tokenize.INDENT, tokenize.DEDENT):
            depth += 1 if token.type == tokenize.INDENT else -1
        elif token.type == tokenize.NEWLINE:
            yield _Part(last, last, ("end of line",))
        elif token.type not in (tokenize.NL, tokenize.ENDMARKER):
            start, end = (starts[line - 1] + column for line, column in (token.start, token.end))
            if token.type == tokenize.COMMENT:
                yield _Part(start, end, ("comment", token.string), is_comment=True)
            else:
                yield _Part(start, end, (token.type, token.string, depth))
                last = end


def _properties(text: str) -> Iterator[_Part]:
    """Yield the entries."""
    starts = line_starts(text)
    for entry in Properties(text).entries:
        line, column, end_line, end_column = entry.place
        yield _Part(starts[line - 1] + column - 1, starts[end_line - 1] + end_column - 1, (entry.key, entry.value))


_PARTS: dict[str, Callable[[str], Iterator[_Part]]] = {"python": _python, "properties": _properties}
