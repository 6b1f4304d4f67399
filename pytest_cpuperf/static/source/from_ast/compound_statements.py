"""Compound statements."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any, cast

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.from_ast.builder import Builder
from pytest_cpuperf.static.source.from_ast.parts import parameters


def _orelse(b: Builder, origins: Sequence[ast.stmt], parent: int) -> cst.Else | None:
    if not origins:
        return None
    node = b.open(cst.Else, (origins[0], origins[-1]), parent)
    node.body = b.suite(origins, node.number)
    return b.close(node)


def _asynchronous(b: Builder, origin: ast.AST, parent: int) -> cst.Asynchronous | None:
    if type(origin) in (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith):
        return b.open(cst.Asynchronous, origin, parent)
    return None


def _decorators(b: Builder, origins: Sequence[ast.expr], parent: int) -> list[cst.Decorator]:
    decorators = []
    for origin in origins:
        node = b.open(cst.Decorator, origin, parent)
        node.decorator = b.expression(origin, node.number)
        decorators.append(b.close(node))
    return decorators


def _function(b: Builder, origin: ast.FunctionDef | ast.AsyncFunctionDef, parent: int) -> cst.BaseCompoundStatement:
    node = b.open(cst.FunctionDef, origin, parent)
    number = node.number
    node.decorators = _decorators(b, origin.decorator_list, number)
    node.asynchronous = _asynchronous(b, origin, number)
    node.name = b.name(origin.name, origin, number)
    node.params = parameters(b, origin.args, number)
    node.returns = b.annotation(origin.returns, number)
    node.body = b.suite(origin.body, number)
    return b.close(node)


def _class(b: Builder, origin: ast.ClassDef, parent: int) -> cst.BaseCompoundStatement:
    node = b.open(cst.ClassDef, origin, parent)
    number = node.number
    node.decorators = _decorators(b, origin.decorator_list, number)
    node.name = b.name(origin.name, origin, number)
    node.bases = [b.argument(base, number) for base in origin.bases]
    node.keywords = [b.argument(keyword, number) for keyword in origin.keywords]
    node.body = b.suite(origin.body, number)
    return b.close(node)


def _if(b: Builder, origin: ast.If, parent: int) -> cst.BaseCompoundStatement:
    node = b.open(cst.If, origin, parent)
    node.test = b.expression(origin.test, node.number)
    node.body = b.suite(origin.body, node.number)
    inner = origin.orelse[0] if len(origin.orelse) == 1 else None
    if isinstance(inner, ast.If) and b._lines[inner.lineno - 1].startswith("elif", inner.col_offset):
        node.orelse = cast("cst.If", _if(b, inner, node.number))
    else:
        node.orelse = _orelse(b, origin.orelse, node.number)
    return b.close(node)


def _for(b: Builder, origin: ast.For | ast.AsyncFor, parent: int) -> cst.BaseCompoundStatement:
    node = b.open(cst.For, origin, parent)
    node.asynchronous = _asynchronous(b, origin, node.number)
    node.target = b.expression(origin.target, node.number)
    node.iter = b.expression(origin.iter, node.number)
    node.body = b.suite(origin.body, node.number)
    node.orelse = _orelse(b, origin.orelse, node.number)
    return b.close(node)


def _while(b: Builder, origin: ast.While, parent: int) -> cst.BaseCompoundStatement:
    node = b.open(cst.While, origin, parent)
    node.test = b.expression(origin.test, node.number)
    node.body = b.suite(origin.body, node.number)
    node.orelse = _orelse(b, origin.orelse, node.number)
    return b.close(node)


def _with(b: Builder, origin: ast.With | ast.AsyncWith, parent: int) -> cst.BaseCompoundStatement:
    node = b.open(cst.With, origin, parent)
    node.asynchronous = _asynchronous(b, origin, node.number)
    items = []
    for item in origin.items:
        held = b.open(cst.WithItem, item.context_expr, node.number)
        held.item = b.expression(item.context_expr, held.number)
        target = item.optional_vars
        held.asname = None if target is None else b.as_name(target, None, held.number)
        items.append(b.close(held))
    node.items = items
    node.body = b.suite(origin.body, node.number)
    return b.close(node)


def _try(b: Builder, origin: Any, parent: int) -> cst.BaseCompoundStatement:
    node = b.open(cst.Try, origin, parent)
    node.body = b.suite(origin.body, node.number)
    handlers = []
    for handler in origin.handlers:
        caught = b.open(cst.ExceptHandler, handler, node.number)
        caught.type = b.optional(handler.type, caught.number)
        caught.name = None if handler.name is None else b.as_name(handler, handler.name, caught.number)
        caught.body = b.suite(handler.body, caught.number)
        handlers.append(b.close(caught))
    node.handlers = handlers
    node.orelse = _orelse(b, origin.orelse, node.number)
    node.finalbody = None
    if origin.finalbody:
        final = b.open(cst.Finally, (origin.finalbody[0], origin.finalbody[-1]), node.number)
        final.body = b.suite(origin.finalbody, final.number)
        node.finalbody = b.close(final)
    return b.close(node)


def _match(b: Builder, origin: ast.Match, parent: int) -> cst.BaseCompoundStatement:
    node = b.open(cst.Match, origin, parent)
    node.subject = b.expression(origin.subject, node.number)
    cases = []
    for case in origin.cases:
        held = b.open(cst.MatchCase, case.pattern, node.number)
        held.pattern = _pattern(b, case.pattern, held.number)
        held.guard = b.optional(case.guard, held.number)
        held.body = b.suite(case.body, held.number)
        cases.append(b.close(held))
    node.cases = cases
    return b.close(node)


def _pattern(b: Builder, origin: ast.pattern, parent: int) -> cst.MatchPattern:
    node = b.open(cst.MatchPattern, origin, parent)
    parts: list[cst.CSTNode] = []
    inside = (child for child in ast.iter_child_nodes(origin) if isinstance(child, (ast.pattern, ast.expr)))
    for child in sorted(inside, key=lambda c: (c.lineno, c.col_offset)):  # keys and their patterns in turn
        held = _pattern(b, child, node.number) if isinstance(child, ast.pattern) else b.expression(child, node.number)
        parts.append(held)
    names = [getattr(origin, "name", None), getattr(origin, "rest", None)]
    if isinstance(origin, ast.MatchSingleton):
        names.append(str(origin.value))
    parts += [b.name(name, origin, node.number) for name in names if name is not None]
    node.parts = parts
    return b.close(node)


BUILDERS: dict[type[ast.AST], Callable[[Builder, Any, int], cst.BaseCompoundStatement]] = {
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.If: _if,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Try: _try,
    ast.Match: _match,
}
if hasattr(ast, "TryStar"):  # since Python 3.11
    BUILDERS[ast.TryStar] = _try
