"""Simple statements."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any, cast

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.from_ast.builder import Builder
from pytest_cpuperf.static.source.from_ast.parts import item_of


def _expr(b: Builder, origin: ast.Expr, parent: int) -> cst.BaseSmallStatement:
    node = b.open(cst.Expr, origin, parent)
    node.value = b.expression(origin.value, node.number)
    return b.close(node)


def _assign(b: Builder, origin: ast.Assign, parent: int) -> cst.BaseSmallStatement:
    node = b.open(cst.Assign, origin, parent)
    targets = []
    for target in origin.targets:
        holder = b.open(cst.AssignTarget, target, node.number)
        holder.target = b.expression(target, holder.number)
        targets.append(b.close(holder))
    node.targets = targets
    node.value = b.expression(origin.value, node.number)
    return b.close(node)


def _ann_assign(b: Builder, origin: ast.AnnAssign, parent: int) -> cst.BaseSmallStatement:
    node = b.open(cst.AnnAssign, origin, parent)
    node.target = b.expression(origin.target, node.number)
    node.annotation = cast("cst.Annotation", b.annotation(origin.annotation, node.number))
    node.value = b.optional(origin.value, node.number)
    return b.close(node)


def _aug_assign(b: Builder, origin: ast.AugAssign, parent: int) -> cst.BaseSmallStatement:
    node = b.open(cst.AugAssign, origin, parent)
    node.target = b.expression(origin.target, node.number)
    kind = cst.BitOrAssign if isinstance(origin.op, ast.BitOr) else cst.Operator
    node.operator = b.open(kind, None, node.number)
    node.value = b.expression(origin.value, node.number)
    return b.close(node)


def _return(b: Builder, origin: ast.Return, parent: int) -> cst.BaseSmallStatement:
    node = b.open(cst.Return, origin, parent)
    node.value = b.optional(origin.value, node.number)
    return b.close(node)


def _raise(b: Builder, origin: ast.Raise, parent: int) -> cst.BaseSmallStatement:
    node = b.open(cst.Raise, origin, parent)
    node.exc = b.optional(origin.exc, node.number)
    node.cause = None if origin.cause is None else item_of(b, origin.cause, node.number)
    return b.close(node)


def _assert(b: Builder, origin: ast.Assert, parent: int) -> cst.BaseSmallStatement:
    node = b.open(cst.Assert, origin, parent)
    node.test = b.expression(origin.test, node.number)
    node.msg = b.optional(origin.msg, node.number)
    return b.close(node)


def _delete(b: Builder, origin: ast.Delete, parent: int) -> cst.BaseSmallStatement:
    node = b.open(cst.Del, origin, parent)
    if len(origin.targets) == 1:
        node.target = b.expression(origin.targets[0], node.number)
    else:
        several = b.open(cst.Tuple, (origin.targets[0], origin.targets[-1]), node.number)
        several.elements = [b.element(t, several.number) for t in origin.targets]
        node.target = b.close(several)
    return b.close(node)


def _word(
    kind: type[cst.Pass] | type[cst.Break] | type[cst.Continue],
) -> Callable[[Builder, Any, int], cst.BaseSmallStatement]:
    return lambda b, origin, parent: b.open(kind, origin, parent)


def _names(
    kind: type[cst.Global] | type[cst.Nonlocal],
) -> Callable[[Builder, Any, int], cst.BaseSmallStatement]:
    def build(b: Builder, origin: ast.Global | ast.Nonlocal, parent: int) -> cst.BaseSmallStatement:
        node = b.open(kind, origin, parent)
        items = []
        for name in origin.names:
            item = b.open(cst.NameItem, origin, node.number)
            item.name = b.name(name, origin, item.number)
            items.append(b.close(item))
        node.names = items
        return b.close(node)

    return build


def _dotted(b: Builder, value: str, origin: ast.AST, parent: int) -> cst.Name | cst.Attribute:
    owner, dot, last = value.rpartition(".")
    if not dot:
        return b.name(value, origin, parent)
    node = b.open(cst.Attribute, origin, parent)
    node.value = _dotted(b, owner, origin, node.number)
    node.attr = b.name(last, origin, node.number)
    return b.close(node)


def _aliases(b: Builder, origins: Sequence[ast.alias], parent: int) -> list[cst.ImportAlias]:
    aliases = []
    for origin in origins:
        alias = b.open(cst.ImportAlias, origin, parent)
        alias.name = _dotted(b, origin.name, origin, alias.number)
        alias.asname = None if origin.asname is None else b.as_name(origin, origin.asname, alias.number)
        aliases.append(b.close(alias))
    return aliases


def _import(b: Builder, origin: ast.Import, parent: int) -> cst.BaseSmallStatement:
    node = b.open(cst.Import, origin, parent)
    node.names = _aliases(b, origin.names, node.number)
    return b.close(node)


def _import_from(b: Builder, origin: ast.ImportFrom, parent: int) -> cst.BaseSmallStatement:
    node = b.open(cst.ImportFrom, origin, parent)
    node.relative = origin.level
    node.module = None if origin.module is None else _dotted(b, origin.module, origin, node.number)
    if origin.names[0].name == "*":
        node.names = b.open(cst.ImportStar, origin, node.number)
    else:
        node.names = _aliases(b, origin.names, node.number)
    return b.close(node)


def _type_alias(b: Builder, origin: Any, parent: int) -> cst.BaseSmallStatement:
    node = b.open(cst.TypeAlias, origin, parent)
    node.name = b.expression(origin.name, node.number)
    node.value = b.expression(origin.value, node.number)
    return b.close(node)


BUILDERS: dict[type[ast.AST], Callable[[Builder, Any, int], cst.BaseSmallStatement]] = {
    ast.Expr: _expr,
    ast.Assign: _assign,
    ast.AnnAssign: _ann_assign,
    ast.AugAssign: _aug_assign,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.Assert: _assert,
    ast.Delete: _delete,
    ast.Pass: _word(cst.Pass),
    ast.Break: _word(cst.Break),
    ast.Continue: _word(cst.Continue),
    ast.Global: _names(cst.Global),
    ast.Nonlocal: _names(cst.Nonlocal),
    ast.Import: _import,
    ast.ImportFrom: _import_from,
}
if hasattr(ast, "TypeAlias"):  # since Python 3.12
    BUILDERS[ast.TypeAlias] = _type_alias
