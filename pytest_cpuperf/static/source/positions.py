"""Where nodes are in the text they were parsed from."""

from __future__ import annotations

import bisect
import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, cast

from pytest_cpuperf.static.source.edits import line_starts
from pytest_cpuperf.static.source.index import NodeIndex, children
from pytest_cpuperf.static.source.lazy_libcst import cst
from pytest_cpuperf.static.source.live import code_only
from pytest_cpuperf.static.source.spans import Span

if TYPE_CHECKING:
    pass

if TYPE_CHECKING:
    from libcst.metadata import CodeRange

_WORD = re.compile(r"[^\W\d]\w*")


def _alone(node: cst.CSTNode) -> cst.CSTNode:
    """Return a node without the comma that belongs to it in the tree, and to the list in a reader's eye."""
    if isinstance(node, cst.Arg):
        return node.with_changes(comma=cst.MaybeSentinel.DEFAULT, whitespace_after_arg=cst.SimpleWhitespace(""))
    if isinstance(node, cst.ImportAlias):
        return node.with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return node


class PlacedNodes(NodeIndex):
    """The nodes of a tree, with where each is in the text, and in the whole file where lines were left out."""

    def __init__(self, tree: cst.Module, text: str, lines: Sequence[int]) -> None:
        """`lines` are the numbers the text's lines have in the whole file, where some were left out."""
        super().__init__(tree)
        self._text = text
        self._lines = lines

    def position(self, node: cst.CSTNode) -> Span:
        """Return where a node is. Lines and columns count from 1, the end is exclusive."""
        start = self._start(node)
        if start is not None:
            # The tree is lossless: a node's code stands in the text as it is, unless it was indented line by line.
            code = self.tree.code_for_node(_alone(node))
            if self._text.startswith(code, start):
                return Span(*self._place(start), *self._place(start + len(code)))
        place = self._slow_positions[node]
        first, last = place.start, place.end
        return Span(self._whole(first.line), first.column + 1, self._whole(last.line), last.column + 1)

    @cached_property
    def _slow_positions(self) -> Mapping[cst.CSTNode, CodeRange]:
        from libcst.metadata import MetadataWrapper, PositionProvider

        # Writes out the whole file: only for what the quick way cannot place.
        return cast("Mapping[cst.CSTNode, CodeRange]", MetadataWrapper(self.tree, True).resolve(PositionProvider))

    def _start(self, node: cst.CSTNode) -> int | None:
        """Return the offset at which a node begins, where it begins with a name: that name's n-th use."""
        first = node
        while not isinstance(first, cst.Name):
            if getattr(first, "lpar", ()) or isinstance(first, cst.FormattedString):
                return None
            following = next(iter(children(first)), None)
            if following is None:
                return None
            first = following
        numbers, offsets = self._names.get(first.value, ([], []))
        if len(numbers) != len(offsets):
            return None  # a word that is a keyword elsewhere in the file, as `match` is
        i = bisect.bisect_left(numbers, self.number(first))
        if i == len(numbers) or numbers[i] != self.number(first):
            return None
        return offsets[i] if not getattr(node, "star", "") else None

    @cached_property
    def _names(self) -> dict[str, tuple[list[int], list[int]]]:
        """Each identifier's nodes (by their number) and its places in the text (by offset), both in source order."""
        found: dict[str, tuple[list[int], list[int]]] = {}
        inside = [self.span(f) for f in self.nodes(cst.FormattedString)]
        for name in self.nodes(cst.Name):
            number = self.number(name)
            if not any(a <= number < b for a, b in inside):
                found.setdefault(name.value, ([], []))[0].append(number)
        for match in _WORD.finditer(code_only(self._text)):
            if match.group() in found:
                found[match.group()][1].append(match.start())
        return found

    @cached_property
    def _line_starts(self) -> list[int]:
        return line_starts(self._text)

    def _place(self, offset: int) -> tuple[int, int]:
        line = bisect.bisect_right(self._line_starts, offset)
        return self._whole(line), offset - self._line_starts[line - 1] + 1

    def _whole(self, line: int) -> int:
        """Return the number a line has in the whole file."""
        return self._lines[line - 1] if 0 < line <= len(self._lines) else line

    def indentation(self, line: int) -> str | None:
        """Return the white space that a line of the whole file begins with; None where it was left out."""
        own = bisect.bisect_left(self._lines, line) if self._lines else line - 1
        if own >= len(self._line_starts) or (self._lines and self._lines[own] != line):
            return None
        text = self._text[self._line_starts[own] :].split("\n", 1)[0]
        return text[: len(text) - len(text.lstrip(" \t"))]

    def statement_line(self, node: cst.CSTNode) -> int:
        """Return the line on which the statement around a node begins."""
        for parent in (node, *self.parents(node)):
            if isinstance(parent, (cst.SimpleStatementLine, cst.BaseCompoundStatement)):
                start = self._start(parent)
                return self._place(start)[0] if start is not None else self.position(parent).line
        return self.position(node).line
