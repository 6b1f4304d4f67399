"""What several kinds of nodes are made with: names, arguments, parameters, bodies."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.tree import Tree


class Tables(NamedTuple):
    """What makes a node, by the kind of `ast` node it is made from."""

    expressions: Mapping[type[ast.AST], Callable[[Builder, Any, int], cst.BaseExpression]]
    simple: Mapping[type[ast.AST], Callable[[Builder, Any, int], cst.BaseSmallStatement]]
    compound: Mapping[type[ast.AST], Callable[[Builder, Any, int], cst.BaseCompoundStatement]]


class Builder(Tree):
    """A tree while it is made; `parent` is always the number of the node that will hold what is added."""

    def __init__(self, lines: Sequence[str], tables: Tables) -> None:
        super().__init__(lines)
        self._expressions, self._simple, self._compound = tables

    def expression(self, origin: ast.expr, parent: int) -> cst.BaseExpression:
        """Add an expression."""
        if type(origin) is ast.Name:
            name = self.open(cst.Name, origin, parent)
            name.value = origin.id
            return name
        return self._expressions[type(origin)](self, origin, parent)

    def optional(self, origin: ast.expr | None, parent: int) -> cst.BaseExpression | None:
        """Add an expression where there is one."""
        return None if origin is None else self.expression(origin, parent)

    def name(self, value: str, origin: ast.AST, parent: int) -> cst.Name:
        """Add a name of which `ast` keeps the text alone."""
        node = self.open(cst.Name, origin, parent)
        node.value = value
        return node

    def element(self, origin: ast.expr, parent: int) -> cst.BaseElement:
        """Add an element of a tuple, list or set."""
        if isinstance(origin, ast.Starred):
            starred = self.open(cst.StarredElement, origin, parent)
            starred.value = self.expression(origin.value, starred.number)
            return self.close(starred)
        element = self.open(cst.Element, origin, parent)
        element.value = self.expression(origin, element.number)
        return self.close(element)

    def annotation(self, origin: ast.expr | None, parent: int) -> cst.Annotation | None:
        """Add an annotation where there is one."""
        if origin is None:
            return None
        node = self.open(cst.Annotation, origin, parent)
        node.annotation = self.expression(origin, node.number)
        return self.close(node)

    def as_name(self, origin: ast.AST, name: str | None, parent: int) -> cst.AsName:
        """Add what stands after `as`: a name, or what `origin` is where none is given."""
        node = self.open(cst.AsName, origin, parent)
        if name is not None:
            node.name = self.name(name, origin, node.number)
        else:
            node.name = self.expression(cast("ast.expr", origin), node.number)
        return self.close(node)

    def arguments(self, values: Sequence[ast.expr], keywords: Sequence[ast.keyword], parent: int) -> list[cst.Arg]:
        """Add arguments in the order of the source: `f(a=1, *b)` has its keyword first."""
        origins: list[ast.expr | ast.keyword] = [*values, *keywords]
        if keywords and any(type(v) is ast.Starred for v in values):
            origins.sort(key=lambda o: (o.lineno, o.col_offset))
        return [self.argument(origin, parent) for origin in origins]

    def argument(self, origin: ast.expr | ast.keyword, parent: int) -> cst.Arg:
        """Add an argument."""
        node = self.open(cst.Arg, origin, parent)
        node.keyword, node.star = None, ""
        value: ast.expr
        if isinstance(origin, ast.keyword):
            value = origin.value
            if origin.arg is None:
                node.star = "**"
            else:
                node.keyword = self.name(origin.arg, origin, node.number)
        elif isinstance(origin, ast.Starred):
            node.star, value = "*", origin.value
        else:
            value = origin
        node.value = self.expression(value, node.number)
        return self.close(node)

    def statements(self, origins: Sequence[ast.stmt], parent: int) -> list[cst.BaseStatement]:
        """Add the statements of a body; those that share a line become one."""
        added: list[cst.BaseStatement] = []
        at, count = 0, len(origins)
        while at < count:
            compound = self._compound.get(type(origins[at]))
            if compound is not None:
                added.append(compound(self, origins[at], parent))
                at += 1
                continue
            end = at + 1
            while end < count and origins[end].lineno == origins[end - 1].end_lineno:
                end += 1
            origin: cst.Origin = origins[at] if end == at + 1 else (origins[at], origins[end - 1])
            line = self.open(cst.SimpleStatementLine, origin, parent)
            line.body = self.small(origins[at:end], line.number)
            added.append(self.close(line))
            at = end
        return added

    def small(self, origins: Sequence[ast.stmt], parent: int) -> list[cst.BaseSmallStatement]:
        """Add the simple statements of a line."""
        return [self._simple[type(origin)](self, origin, parent) for origin in origins]

    def suite(self, origins: Sequence[ast.stmt], parent: int) -> cst.BaseSuite:
        """Add the body of a compound statement."""
        first = origins[0]
        # A decorator cannot stand on the line of a head.
        before = self._lines[first.lineno - 1][: first.col_offset]
        origin = (first, origins[-1])
        if before.isspace() or type(first) in self._compound:
            block = self.open(cst.IndentedBlock, origin, parent)
            block.body = self.statements(origins, block.number)
            return self.close(block)
        suite = self.open(cst.SimpleStatementSuite, origin, parent)
        suite.body = self.small(origins, suite.number)
        return self.close(suite)

    def written(self, origin: ast.expr) -> str | None:
        """Return how a short literal is written; None where it goes over lines or columns are not bytes."""
        line = self._lines[origin.lineno - 1]
        if origin.end_lineno != origin.lineno or not line.isascii():
            return None
        return line[origin.col_offset : origin.end_col_offset]
