"""Where nodes are in the text they were parsed from."""

from __future__ import annotations

import ast
import bisect
import re
from collections.abc import Sequence
from functools import cached_property

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.edits import line_starts
from pytest_cpuperf.static.source.index import NodeIndex
from pytest_cpuperf.static.source.spans import Span
from pytest_cpuperf.static.source.tree import Tree

# What stands before a name of which `ast` keeps the text alone.
_AFTER: dict[type[ast.AST], str] = {
    ast.FunctionDef: r"\bdef[\s\\]+",
    ast.AsyncFunctionDef: r"\bdef[\s\\]+",
    ast.ClassDef: r"\bclass[\s\\]+",
    ast.ExceptHandler: r"\bas[\s\\]+",
}


class PlacedNodes(NodeIndex):
    """The nodes of a tree, with where each is in the text, and in the whole file where lines were left out."""

    def __init__(self, tree: Tree, text: str, lines: Sequence[int]) -> None:
        """`lines` are the numbers the text's lines have in the whole file, where some were left out."""
        super().__init__(tree)
        self._text = text
        self._lines = lines

    def position(self, node: cst.CSTNode) -> Span:
        """Return where a node is. Lines and columns count from 1, the end is exclusive."""
        start, end = self._offsets(node)
        return Span(*self._place(start), *self._place(end))

    def code(self, node: cst.CSTNode) -> str:
        """Return a node's source text, without parentheses that stand around it."""
        start, end = self._offsets(node)
        return self._text[start:end]

    def _offsets(self, node: cst.CSTNode) -> tuple[int, int]:
        """Return from where in the text up to where a node goes."""
        origin = node.origin
        if isinstance(origin, cst.Place):
            starts = self._line_starts
            return starts[origin.line - 1] + origin.column, starts[origin.end_line - 1] + origin.end_column
        if origin is None:
            return 0, len(self._text)
        first, last = origin if isinstance(origin, tuple) else (origin, origin)
        if isinstance(first, ast.arguments):
            return self._parameters(node)
        start, end = self._start(first), self._end(last)
        if isinstance(node, cst.Attribute) and not isinstance(first, ast.Attribute):  # a module that is imported
            return self._offsets(node.value)[0], self._offsets(node.attr)[1]
        if isinstance(node, cst.Name):
            return self._name(node, first, start, end)
        if isinstance(node, cst.Asynchronous):
            return start, start + len("async")
        if isinstance(node, cst.Param) and node.star:
            start = self._text.rindex(node.star, 0, start)
        if isinstance(node, cst.Decorator):
            start = self._text.rindex("@", 0, start)
        return start, end

    def _name(self, node: cst.Name, origin: ast.AST, start: int, end: int) -> tuple[int, int]:
        """Return where a name is of which `ast` says only what it is part of."""
        holder = self.parent(node)
        if isinstance(origin, ast.Attribute) or (isinstance(origin, ast.alias) and isinstance(holder, cst.AsName)):
            return end - len(node.value), end
        if isinstance(origin, (ast.keyword, ast.arg)):
            return start, start + len(node.value)
        if isinstance(origin, (ast.Name, ast.Constant)):
            return start, end
        if isinstance(holder, cst.Attribute) and holder.attr is node:
            start = self._offsets(holder.value)[1]
        elif isinstance(origin, ast.ExceptHandler) and origin.type is not None:
            start = self._end(origin.type)
        word = _AFTER.get(type(origin), r"\b")
        found = re.compile(rf"{word}({re.escape(node.value)})\b").search(self._text, start, end)
        return found.span(1) if found else (start, end)

    def _parameters(self, node: cst.CSTNode) -> tuple[int, int]:
        """Return what stands between the parentheses of a function's head, or after the word `lambda`."""
        inside = self.nodes(cst.Param, within=node)
        if not inside:
            return 0, 0
        both = [self._offsets(param) for param in inside]
        return min(start for start, _ in both), max(end for _, end in both)

    def _start(self, origin: ast.AST) -> int:
        return self._offset(origin.lineno, origin.col_offset)  # type: ignore[attr-defined]

    def _end(self, origin: ast.AST) -> int:
        return self._offset(origin.end_lineno, origin.end_col_offset)  # type: ignore[attr-defined]

    def _offset(self, line: int, column_bytes: int) -> int:
        start = self._line_starts[line - 1]
        before = self._text[start : start + column_bytes]
        if not before.isascii():
            before = before.encode("utf-8", "surrogatepass")[:column_bytes].decode("utf-8", "surrogatepass")
        return start + len(before)

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
                return self.position(parent).line
        return self.position(node).line
