"""The nodes of a tree: what is inside this, what encloses it, what comes after it."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterator
from operator import attrgetter
from typing import Any, TypeVar, overload

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.tree import Tree

Node = TypeVar("Node", bound=cst.CSTNode)
_number = attrgetter("number")


class NodeIndex:
    """The nodes of a tree, by kind and in source order."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree.root
        self._nodes = tree.nodes
        self._parents = tree.parents
        self._ends = tree.ends
        self._by_kind: defaultdict[type[cst.CSTNode], list[cst.CSTNode]] = defaultdict(list)
        for node in self._nodes:
            self._by_kind[type(node)].append(node)

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
            nodes = self._by_kind.get(kind, [])
            found += nodes if within is None else self.those_within(nodes, within)
        if len(kinds) > 1:
            found.sort(key=_number)
        return found

    def those_within(self, nodes: list[Node], outer: cst.CSTNode) -> list[Node]:
        """Return those of some nodes, given in source order, that are inside a node."""
        low = bisect.bisect_left(nodes, outer.number, key=_number)
        return nodes[low : bisect.bisect_left(nodes, self._ends[outer.number], low, key=_number)]

    def those_after(self, nodes: list[Node], other: cst.CSTNode) -> list[Node]:
        """Return those of some nodes, given in source order, that begin after another has ended."""
        return nodes[bisect.bisect_left(nodes, self._ends[other.number], key=_number) :]

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
