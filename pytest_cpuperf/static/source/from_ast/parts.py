"""Parts that both expressions and statements have."""

from __future__ import annotations

import ast

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.from_ast.builder import Builder


def parameters(b: Builder, origin: ast.arguments, parent: int) -> cst.Parameters:
    """Add the parameters of a function."""
    node = b.open(cst.Parameters, origin, parent)
    number = node.number
    plain = len(origin.posonlyargs) + len(origin.args)
    defaults: list[ast.expr | None] = [*([None] * (plain - len(origin.defaults))), *origin.defaults]
    given = iter(defaults)
    node.posonly_params = [_parameter(b, a, next(given), "", number) for a in origin.posonlyargs]
    node.params = [_parameter(b, a, next(given), "", number) for a in origin.args]
    node.star_arg = None if origin.vararg is None else _parameter(b, origin.vararg, None, "*", number)
    both = zip(origin.kwonlyargs, origin.kw_defaults, strict=True)
    node.kwonly_params = [_parameter(b, a, default, "", number) for a, default in both]
    node.star_kwarg = None if origin.kwarg is None else _parameter(b, origin.kwarg, None, "**", number)
    return b.close(node)


def _parameter(b: Builder, origin: ast.arg, default: ast.expr | None, star: str, parent: int) -> cst.Param:
    node = b.open(cst.Param, origin if default is None else (origin, default), parent)
    node.star = star
    node.name = b.name(origin.arg, origin, node.number)
    node.annotation = b.annotation(origin.annotation, node.number)
    node.default = b.optional(default, node.number)
    return b.close(node)


def item_of(b: Builder, origin: ast.expr, parent: int) -> cst.From:
    """Add what `yield from` takes from, or what an exception is raised from."""
    node = b.open(cst.From, origin, parent)
    node.item = b.expression(origin, node.number)
    return b.close(node)
