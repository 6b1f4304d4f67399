"""A file's tree: every node numbered in the order of the source as it is added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, cast

from pytest_cpuperf.static.source import nodes as cst

Node = TypeVar("Node", bound=cst.CSTNode)


class Tree:
    """The nodes of a file in the order of the source; of each the number of its parent, and of the first node after it.

    The root is node 0, and its own parent.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        """`lines` are those of the text, for what `ast` does not keep."""
        self.nodes: list[cst.CSTNode] = []
        self.parents: list[int] = []
        self.ends: list[int] = []
        self._lines = lines

    @property
    def root(self) -> cst.Module:
        """The node of the whole file."""
        return cast("cst.Module", self.nodes[0])

    def open(self, kind: type[Node], origin: cst.Origin, parent: int) -> Node:
        """Add a node before those it holds; `close` is called after them."""
        node = kind()
        node.origin = origin
        number = node.number = len(self.nodes)
        self.nodes.append(node)
        self.parents.append(parent)
        self.ends.append(number + 1)
        return node

    def close(self, node: Node) -> Node:
        """Say that all inside a node has been added."""
        self.ends[node.number] = len(self.nodes)
        return node
