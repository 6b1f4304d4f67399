"""The nodes of a tree, indexed once: what is inside this, what encloses it, what comes after it.

libcst's own metadata is complete and slow (a parent map alone costs as much as the parse). The index here is one
walk over the nodes that mean something: white space, commas and brackets are stepped over.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Iterator
from functools import cache
from typing import Any, TypeVar, overload

from pytest_cpuperf.static.source.lazy_libcst import cst

Node = TypeVar("Node", bound="cst.CSTNode")


@cache
def _punctuation() -> tuple[type[cst.CSTNode], ...]:
    return (
        *(cst.BaseParenthesizableWhitespace, cst.EmptyLine, cst.TrailingWhitespace, cst.Comment, cst.Newline),
        *(cst.Comma, cst.Semicolon, cst.Dot, cst.Colon, cst.AssignEqual, cst.LeftParen, cst.RightParen),
        *(cst.LeftSquareBracket, cst.RightSquareBracket, cst.LeftCurlyBrace, cst.RightCurlyBrace),
    )


class _Kinds(dict[type, int]):
    """What a field's value is, by its type: nothing to us, a node, or a sequence. `isinstance` on nodes is slow."""

    NOTHING, NODE, SEQUENCE = range(3)

    def __missing__(self, kind: type) -> int:
        if issubclass(kind, cst.CSTNode):
            self[kind] = self.NOTHING if issubclass(kind, _punctuation()) else self.NODE
        else:
            self[kind] = self.SEQUENCE if issubclass(kind, (list, tuple)) else self.NOTHING
        return self[kind]


_kinds = _Kinds()
_fields_by_type: dict[type[cst.CSTNode], tuple[str, ...]] = {}


def children(node: cst.CSTNode) -> list[cst.CSTNode]:
    """Return a node's children that mean something, in source order."""
    names = _fields_by_type.get(type(node))
    if names is None:
        names = _fields_by_type[type(node)] = _meaningful_fields(type(node))
    found: list[cst.CSTNode] = []
    for name in names:
        value = getattr(node, name)
        kind = _kinds[type(value)]
        if kind == 1:
            found.append(value)
        elif kind == 2:
            found += [part for part in value if _kinds[type(part)] == 1]
    return found


def _meaningful_fields(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    names = [f.name for f in dataclasses.fields(kind) if not f.name.startswith(("whitespace", "leading_lines"))]
    if kind is cst.FunctionDef or kind is cst.ClassDef:
        # Decorators stand before the name in the source, after it among the fields.
        names = ["decorators", *(n for n in names if n != "decorators")]
    if kind is cst.FunctionDef:
        names = [*(n for n in names if n not in ("body",)), "body"]
    if kind is cst.Arg:
        names = ["keyword", "value"]
    if kind is cst.IfExp:
        names = ["body", "test", "orelse"]
    return tuple(names)


class NodeIndex:
    """The nodes of a tree, by kind and in source order."""

    def __init__(self, tree: cst.Module) -> None:
        """Walk the tree once."""
        self.tree = tree
        self._order: dict[int, int] = {}
        self._end: dict[int, int] = {}
        self._parents: dict[int, cst.CSTNode] = {}
        self._by_kind: dict[type[cst.CSTNode], tuple[list[int], list[cst.CSTNode]]] = {}
        self._index()

    def _index(self) -> None:
        """Number all nodes in source order; iteratively, because long expressions nest deeper than Python's stack."""
        order, end, parents, by_kind = self._order, self._end, self._parents, self._by_kind
        number = 0
        stack: list[cst.CSTNode | None] = [self.tree]
        open_nodes: list[cst.CSTNode] = []
        while stack:
            node = stack.pop()
            if node is None:  # all inside the innermost open node is numbered
                end[id(open_nodes.pop())] = number
                continue
            order[id(node)] = number
            kept = by_kind.get(type(node))
            if kept is None:
                kept = by_kind[type(node)] = ([], [])
            kept[0].append(number)
            kept[1].append(node)
            number += 1
            if open_nodes:
                parents[id(node)] = open_nodes[-1]
            inside = children(node)
            if inside:
                open_nodes.append(node)
                stack.append(None)
                inside.reverse()
                stack += inside
            else:
                end[id(node)] = number

    @overload
    def nodes(self, kind: type[Node], /, *, within: cst.CSTNode | None = None) -> list[Node]: ...
    @overload
    def nodes(
        self, kind: type[cst.CSTNode], /, *kinds: type[cst.CSTNode], within: cst.CSTNode | None = None
    ) -> list[Any]: ...
    def nodes(self, *kinds: type[cst.CSTNode], within: cst.CSTNode | None = None) -> list[Any]:
        """Return the nodes of some kinds, all or those inside a node (itself included), in source order."""
        found: list[tuple[int, cst.CSTNode]] = []
        for kind in kinds:
            numbers, nodes = self._by_kind.get(kind, ([], []))
            low, high = 0, len(nodes)
            if within is not None:
                low = bisect.bisect_left(numbers, self._order[id(within)])
                high = bisect.bisect_left(numbers, self._end[id(within)])
            found += zip(numbers[low:high], nodes[low:high], strict=True)
        if len(kinds) > 1:
            found.sort(key=lambda pair: pair[0])
        return [node for _, node in found]

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """Return the node that holds a node, or None for the module."""
        return self._parents.get(id(node))

    def parents(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Yield the nodes around a node, innermost first."""
        current = self.parent(node)
        while current is not None:
            yield current
            current = self.parent(current)

    def is_inside(self, node: cst.CSTNode, outer: cst.CSTNode) -> bool:
        """Return whether `node` is `outer` or inside it."""
        return self._order[id(outer)] <= self._order[id(node)] < self._end[id(outer)]

    def is_after(self, node: cst.CSTNode, other: cst.CSTNode) -> bool:
        """Return whether `node` begins after `other` has ended."""
        return self._order[id(node)] >= self._end[id(other)]

    def around(self, node: cst.CSTNode, kind: type[Node]) -> Node | None:
        """Return the innermost node of a kind around a node, or None."""
        return next((p for p in self.parents(node) if isinstance(p, kind)), None)

    def number(self, node: cst.CSTNode) -> int:
        """Return a node's place in source order."""
        return self._order[id(node)]

    def span(self, node: cst.CSTNode) -> tuple[int, int]:
        """Return the numbers of the nodes inside a node, itself first: from, and up to."""
        return self._order[id(node)], self._end[id(node)]
