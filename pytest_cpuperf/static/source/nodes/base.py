"""What all nodes are made of, files, bodies and lines of statements."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import NamedTuple

__all__ = [
    "Asynchronous",
    "BaseCompoundStatement",
    "BaseExpression",
    "BaseSmallStatement",
    "BaseStatement",
    "BaseSuite",
    "CSTNode",
    "IndentedBlock",
    "Module",
    "Origin",
    "Place",
    "SimpleStatementLine",
    "SimpleStatementSuite",
]


class Place(NamedTuple):
    """Where a node is in a text: lines count from 1, columns (in characters) from 0, the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


Origin = ast.AST | tuple[ast.AST, ast.AST] | Place | None
"""What tells where a node is: the node of `ast` it was made from, the first and the last of several, or the place."""


class CSTNode:
    """A node. `number` is its place in the order of the source; children come after their parent."""

    __slots__ = ("number", "origin")
    number: int
    origin: Origin


class BaseExpression(CSTNode):
    """What has a value."""

    __slots__ = ()


class BaseStatement(CSTNode):
    """A line of simple statements, or a compound statement."""

    __slots__ = ()


class BaseCompoundStatement(BaseStatement):
    """A statement with a body of its own."""

    __slots__ = ()


class BaseSmallStatement(CSTNode):
    """A statement that may share its line with others."""

    __slots__ = ()


class BaseSuite(CSTNode):
    """The body of a compound statement."""

    __slots__ = ("body",)
    body: Sequence[CSTNode]


class Module(CSTNode):
    """A file."""

    __slots__ = ("body",)
    body: Sequence[BaseStatement]


class IndentedBlock(BaseSuite):
    """A body on lines of its own."""

    __slots__ = ()


class SimpleStatementSuite(BaseSuite):
    """A body on the line of its head: `if x: return`."""

    __slots__ = ()


class SimpleStatementLine(BaseStatement):
    """One or several simple statements on a line."""

    __slots__ = ("body",)
    body: Sequence[BaseSmallStatement]


class Asynchronous(CSTNode):
    """The word `async`."""

    __slots__ = ()
