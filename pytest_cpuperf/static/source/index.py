"""The nodes of a tree: what is inside this, what encloses it, what comes after it."""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from typing import Any, TypeVar, overload

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.tree import Tree

Node = TypeVar("Node", bound=cst.CSTNode)


class NodeIndex:
    """The nodes of a tree, by kind and in source order."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree.root
        self._nodes = tree.nodes
        self._parents = tree.parents
        self._ends = tree.ends
        self._by_kind: dict[type[cst.CSTNode], tuple[list[int], list[cst.CSTNode]]] = {}
        for node in self._nodes:
            kept = self._by_kind.get(type(node))
            if kept is None:
                kept = self._by_kind[type(node)] = ([], [])
            kept[0].append(node.number)
            kept[1].append(node)

    @overload
    def nodes(self, kind: type[Node], /, *, within: cst.CSTNode | None = None) -> list[Node]: ...
    @overload
    def nodes(
        self, kind: type[cst.CSTNode], /, *kinds: type[cst.CSTNode], within: cst.CSTNode | None = None
    ) -> list[Any]: ...
    def nodes(self, *kinds: type[cst.CSTNode], within: cst.CSTNode | None = None) -> list[Any]:
        """Return the nodes of some kinds, all or those inside a node (itself included), in source order."""
        found: list[cst.CSTNode] = []
        for kind in kinds:
            numbers, nodes = self._by_kind.get(kind, ([], []))
            low, high = 0, len(nodes)
            if within is not None:
                low = bisect.bisect_left(numbers, within.number)
                high = bisect.bisect_left(numbers, self._ends[within.number], low)
            found += nodes[low:high]
        if len(kinds) > 1:
            found.sort(key=lambda node: node.number)
        return found

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """Return the node that holds a node, or None for the module."""
        return self._nodes[self._parents[node.number]] if node.number else None

    def parents(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Yield the nodes around a node, innermost first."""
        number = node.number
        while number:
            number = self._parents[number]
            yield self._nodes[number]

    def is_inside(self, node: cst.CSTNode, outer: cst.CSTNode) -> bool:
        """Return whether `node` is `outer` or inside it."""
        return outer.number <= node.number < self._ends[outer.number]

    def is_after(self, node: cst.CSTNode, other: cst.CSTNode) -> bool:
        """Return whether `node` begins after `other` has ended."""
        return node.number >= self._ends[other.number]

    def around(self, node: cst.CSTNode, kind: type[Node]) -> Node | None:
        """Return the innermost node of a kind around a node, or None."""
        number = node.number
        while number:
            number = self._parents[number]
            found = self._nodes[number]
            if isinstance(found, kind):
                return found
        return None

    def number(self, node: cst.CSTNode) -> int:
        """Return a node's place in source order."""
        return node.number

    def span(self, node: cst.CSTNode) -> tuple[int, int]:
        """Return the numbers of the nodes inside a node, itself first: from, and up to."""
        return node.number, self._ends[node.number]
