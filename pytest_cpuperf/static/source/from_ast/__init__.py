"""A file's tree, made of `ast`.

What libcst writes as nodes of its own and `ast` leaves out (arguments, elements, bodies, lines of statements) is put
back in, so that rules find them where libcst has them.
"""

from __future__ import annotations

import ast
import warnings

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.edits import lines_of
from pytest_cpuperf.static.source.from_ast import compound_statements, expressions, simple_statements
from pytest_cpuperf.static.source.from_ast.builder import Builder, Tables
from pytest_cpuperf.static.source.tree import Tree

_TABLES = Tables(expressions.BUILDERS, simple_statements.BUILDERS, compound_statements.BUILDERS)


def from_ast(text: str) -> Tree:
    """Return the tree of a text. Raises what `ast.parse` does, and RecursionError where it is too deep."""
    parsed = parsed_by_ast(text)
    builder = Builder(lines_of(text), _TABLES)
    root = builder.open(cst.Module, None, 0)
    root.body = builder.statements(parsed.body, root.number)
    builder.close(root)
    return builder


def parsed_by_ast(text: str) -> ast.Module:
    """Return what `ast` makes of a text. Raises what `ast.parse` does."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a file's invalid escapes are none of ours
        return ast.parse(text)
