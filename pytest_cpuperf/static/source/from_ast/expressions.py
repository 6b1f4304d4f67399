"""Expressions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any, cast

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.from_ast.builder import Builder
from pytest_cpuperf.static.source.from_ast.parts import item_of, parameters

_OPERATORS: dict[type[ast.AST], type[cst.Operator]] = {
    ast.And: cst.And,
    ast.Or: cst.Or,
    ast.Not: cst.Not,
    ast.In: cst.In,
    ast.NotIn: cst.NotIn,
    ast.NotEq: cst.NotEqual,
}


def _operator(b: Builder, origin: ast.AST, parent: int) -> cst.Operator:
    return b.open(_OPERATORS.get(type(origin), cst.Operator), None, parent)


def _comprehension(b: Builder, origins: Sequence[ast.comprehension], parent: int) -> cst.CompFor:
    first, *rest = origins
    last = origins[-1].ifs[-1] if origins[-1].ifs else origins[-1].iter
    node = b.open(cst.CompFor, (first.target, last), parent)
    number = node.number
    node.asynchronous = b.open(cst.Asynchronous, None, number) if first.is_async else None
    node.target = b.expression(first.target, number)
    node.iter = b.expression(first.iter, number)
    ifs = []
    for test in first.ifs:
        condition = b.open(cst.CompIf, test, number)
        condition.test = b.expression(test, condition.number)
        ifs.append(b.close(condition))
    node.ifs = ifs
    node.inner_for_in = _comprehension(b, rest, number) if rest else None
    return b.close(node)


def _format_parts(b: Builder, values: Sequence[ast.expr], parent: int) -> list[cst.FormattedStringExpression]:
    parts = []
    for value in values:
        if isinstance(value, ast.Constant):
            continue  # its text
        held = cast("ast.FormattedValue", value)  # or Python 3.14's Interpolation, which has the same fields
        part = b.open(cst.FormattedStringExpression, held, parent)
        part.expression = b.expression(held.value, part.number)
        spec = held.format_spec
        part.format_spec = _format_parts(b, spec.values, part.number) if isinstance(spec, ast.JoinedStr) else []
        parts.append(b.close(part))
    return parts


def _constant(b: Builder, origin: ast.Constant, parent: int) -> cst.BaseExpression:
    value = origin.value
    if isinstance(value, (str, bytes)):
        string = b.open(cst.SimpleString, origin, parent)
        string.evaluated_value = value
        string.value = b.written(origin) or repr(value)
        return string
    if value is None or isinstance(value, bool):
        return b.name(str(value), origin, parent)
    if isinstance(value, int):
        integer = b.open(cst.Integer, origin, parent)
        integer.evaluated_value = value
        integer.value = b.written(origin) or str(value)
        return integer
    if isinstance(value, float):
        number = b.open(cst.Float, origin, parent)
        number.evaluated_value = value
        return number
    return b.open(cst.Ellipsis if value is ... else cst.Imaginary, origin, parent)


def _attribute(b: Builder, origin: ast.Attribute, parent: int) -> cst.BaseExpression:
    node = b.open(cst.Attribute, origin, parent)
    node.value = b.expression(origin.value, node.number)
    node.attr = b.name(origin.attr, origin, node.number)
    return b.close(node)


def _call(b: Builder, origin: ast.Call, parent: int) -> cst.BaseExpression:
    node = b.open(cst.Call, origin, parent)
    node.func = b.expression(origin.func, node.number)
    node.args = b.arguments(origin.args, origin.keywords, node.number)
    return b.close(node)


def _subscript(b: Builder, origin: ast.Subscript, parent: int) -> cst.BaseExpression:
    node = b.open(cst.Subscript, origin, parent)
    node.value = b.expression(origin.value, node.number)
    inside = origin.slice
    parts = inside.elts if isinstance(inside, ast.Tuple) and not _is_enclosed(b.written(inside)) else [inside]
    node.slice = [_slice_part(b, part, node.number) for part in parts or [inside]]
    return b.close(node)


def _is_enclosed(written: str | None) -> bool:
    """Return whether parentheses stand around all of what is written: `x[(a, b)]` holds one tuple."""
    if written is None or written[:1] != "(":
        return False
    depth = 0
    for offset, character in enumerate(written):
        depth += (character == "(") - (character == ")")
        if not depth:
            return offset == len(written) - 1
    return False


def _slice_part(b: Builder, origin: ast.expr, parent: int) -> cst.SubscriptElement:
    node = b.open(cst.SubscriptElement, origin, parent)
    if isinstance(origin, ast.Slice):
        part = b.open(cst.Slice, origin, node.number)
        part.lower = b.optional(origin.lower, part.number)
        part.upper = b.optional(origin.upper, part.number)
        part.step = b.optional(origin.step, part.number)
        node.slice = b.close(part)
    else:
        index = b.open(cst.Index, origin, node.number)
        index.value = b.expression(origin.value if isinstance(origin, ast.Starred) else origin, index.number)
        node.slice = b.close(index)
    return b.close(node)


def _elements(
    kind: type[cst.Tuple] | type[cst.List] | type[cst.Set],
) -> Callable[[Builder, Any, int], cst.BaseExpression]:
    def build(b: Builder, origin: ast.Tuple | ast.List | ast.Set, parent: int) -> cst.BaseExpression:
        node = b.open(kind, origin, parent)
        node.elements = [b.element(e, node.number) for e in origin.elts]
        return b.close(node)

    return build


def _dict(b: Builder, origin: ast.Dict, parent: int) -> cst.BaseExpression:
    node = b.open(cst.Dict, origin, parent)
    elements: list[cst.BaseDictElement] = []
    for key, value in zip(origin.keys, origin.values, strict=True):
        if key is None:
            starred = b.open(cst.StarredDictElement, value, node.number)
            starred.value = b.expression(value, starred.number)
            elements.append(b.close(starred))
            continue
        element = b.open(cst.DictElement, (key, value), node.number)
        element.key = b.expression(key, element.number)
        element.value = b.expression(value, element.number)
        elements.append(b.close(element))
    node.elements = elements
    return b.close(node)


def _simple_comp(
    kind: type[cst.ListComp] | type[cst.SetComp] | type[cst.GeneratorExp],
) -> Callable[[Builder, Any, int], cst.BaseExpression]:
    def build(b: Builder, origin: ast.ListComp | ast.SetComp | ast.GeneratorExp, parent: int) -> cst.BaseExpression:
        node = b.open(kind, origin, parent)
        node.elt = b.expression(origin.elt, node.number)
        node.for_in = _comprehension(b, origin.generators, node.number)
        return b.close(node)

    return build


def _dict_comp(b: Builder, origin: ast.DictComp, parent: int) -> cst.BaseExpression:
    node = b.open(cst.DictComp, origin, parent)
    node.key = b.expression(origin.key, node.number)
    node.value = b.expression(origin.value, node.number)
    node.for_in = _comprehension(b, origin.generators, node.number)
    return b.close(node)


def _binary(b: Builder, origin: ast.BinOp, parent: int) -> cst.BaseExpression:
    node = b.open(cst.BinaryOperation, origin, parent)
    node.left = b.expression(origin.left, node.number)
    node.operator = _operator(b, origin.op, node.number)
    node.right = b.expression(origin.right, node.number)
    return b.close(node)


def _boolean(b: Builder, origin: ast.BoolOp, parent: int) -> cst.BaseExpression:
    outer: cst.BooleanOperation | None = None
    chain: list[cst.BooleanOperation] = []
    values = origin.values
    for last in range(len(values) - 1, 0, -1):
        node = b.open(cst.BooleanOperation, (values[0], values[last]) if chain else origin, parent)
        if outer is not None:
            outer.left = node
        chain.append(node)
        outer, parent = node, node.number
    chain[-1].left = b.expression(values[0], parent)
    for value, node in zip(values[1:], reversed(chain), strict=True):
        node.operator = _operator(b, origin.op, node.number)
        node.right = b.expression(value, node.number)
        b.close(node)
    return chain[0]


def _unary(b: Builder, origin: ast.UnaryOp, parent: int) -> cst.BaseExpression:
    node = b.open(cst.UnaryOperation, origin, parent)
    node.operator = _operator(b, origin.op, node.number)
    node.expression = b.expression(origin.operand, node.number)
    return b.close(node)


def _compare(b: Builder, origin: ast.Compare, parent: int) -> cst.BaseExpression:
    node = b.open(cst.Comparison, origin, parent)
    node.left = b.expression(origin.left, node.number)
    targets = []
    for operator, comparator in zip(origin.ops, origin.comparators, strict=True):
        target = b.open(cst.ComparisonTarget, comparator, node.number)
        target.operator = _operator(b, operator, target.number)
        target.comparator = b.expression(comparator, target.number)
        targets.append(b.close(target))
    node.comparisons = targets
    return b.close(node)


def _if_exp(b: Builder, origin: ast.IfExp, parent: int) -> cst.BaseExpression:
    node = b.open(cst.IfExp, origin, parent)
    node.body = b.expression(origin.body, node.number)
    node.test = b.expression(origin.test, node.number)
    node.orelse = b.expression(origin.orelse, node.number)
    return b.close(node)


def _yield(b: Builder, origin: ast.Yield, parent: int) -> cst.BaseExpression:
    node = b.open(cst.Yield, origin, parent)
    node.value = b.optional(origin.value, node.number)
    return b.close(node)


def _yield_from(b: Builder, origin: ast.YieldFrom, parent: int) -> cst.BaseExpression:
    node = b.open(cst.Yield, origin, parent)
    node.value = item_of(b, origin.value, node.number)
    return b.close(node)


def _await(b: Builder, origin: ast.Await, parent: int) -> cst.BaseExpression:
    node = b.open(cst.Await, origin, parent)
    node.expression = b.expression(origin.value, node.number)
    return b.close(node)


def _named(b: Builder, origin: ast.NamedExpr, parent: int) -> cst.BaseExpression:
    node = b.open(cst.NamedExpr, origin, parent)
    node.target = b.expression(origin.target, node.number)
    node.value = b.expression(origin.value, node.number)
    return b.close(node)


def _formatted(b: Builder, origin: Any, parent: int) -> cst.BaseExpression:
    node = b.open(cst.FormattedString, origin, parent)
    node.parts = _format_parts(b, origin.values, node.number)
    return b.close(node)


def _lambda(b: Builder, origin: ast.Lambda, parent: int) -> cst.BaseExpression:
    node = b.open(cst.Lambda, origin, parent)
    node.params = parameters(b, origin.args, node.number)
    node.body = b.expression(origin.body, node.number)
    return b.close(node)


BUILDERS: dict[type[ast.AST], Callable[[Builder, Any, int], cst.BaseExpression]] = {
    ast.Constant: _constant,
    ast.Attribute: _attribute,
    ast.Call: _call,
    ast.Subscript: _subscript,
    ast.Tuple: _elements(cst.Tuple),
    ast.List: _elements(cst.List),
    ast.Set: _elements(cst.Set),
    ast.Dict: _dict,
    ast.ListComp: _simple_comp(cst.ListComp),
    ast.SetComp: _simple_comp(cst.SetComp),
    ast.GeneratorExp: _simple_comp(cst.GeneratorExp),
    ast.DictComp: _dict_comp,
    ast.BinOp: _binary,
    ast.BoolOp: _boolean,
    ast.UnaryOp: _unary,
    ast.Compare: _compare,
    ast.IfExp: _if_exp,
    ast.Yield: _yield,
    ast.YieldFrom: _yield_from,
    ast.Await: _await,
    ast.NamedExpr: _named,
    ast.JoinedStr: _formatted,
    ast.Lambda: _lambda,
}
if hasattr(ast, "TemplateStr"):  # since Python 3.14
    BUILDERS[ast.TemplateStr] = _formatted
