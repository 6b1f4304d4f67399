"""A file's tree, made of `ast`: every node numbered in the order of the source as it is made.

What libcst writes as nodes of its own and `ast` leaves out (arguments, elements, bodies, lines of statements) is put
back in, so that rules find them where libcst has them.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.edits import LINE_END

Node = TypeVar("Node", bound=cst.CSTNode)

_OPERATORS: dict[type[ast.AST], type[cst.Operator]] = {
    ast.And: cst.And,
    ast.Or: cst.Or,
    ast.Not: cst.Not,
    ast.In: cst.In,
    ast.NotIn: cst.NotIn,
    ast.NotEq: cst.NotEqual,
}


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


def from_ast(text: str) -> Tree:
    """Return the tree of a text. Raises what `ast.parse` does, and RecursionError where it is too deep."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a file's invalid escapes are none of ours
        parsed = ast.parse(text)
    builder = _Builder(LINE_END.split(text))
    root = builder.open(cst.Module, None, 0)
    root.body = builder.statements(parsed.body, root.number)
    builder.close(root)
    return builder


class _Builder(Tree):
    def expression(self, origin: ast.expr, parent: int) -> cst.BaseExpression:
        if type(origin) is ast.Name:
            name = self.open(cst.Name, origin, parent)
            name.value = origin.id
            return name
        return _EXPRESSIONS[type(origin)](self, origin, parent)

    def optional(self, origin: ast.expr | None, parent: int) -> cst.BaseExpression | None:
        return None if origin is None else self.expression(origin, parent)

    def name(self, value: str, origin: ast.AST, parent: int) -> cst.Name:
        """Add a name of which `ast` keeps the text alone."""
        node = self.open(cst.Name, origin, parent)
        node.value = value
        return node

    def dotted(self, value: str, origin: ast.AST, parent: int) -> cst.Name | cst.Attribute:
        owner, dot, last = value.rpartition(".")
        if not dot:
            return self.name(value, origin, parent)
        node = self.open(cst.Attribute, origin, parent)
        node.value = self.dotted(owner, origin, node.number)
        node.attr = self.name(last, origin, node.number)
        return self.close(node)

    def operator(self, origin: ast.AST, parent: int) -> cst.Operator:
        return self.open(_OPERATORS.get(type(origin), cst.Operator), None, parent)

    def element(self, origin: ast.expr, parent: int) -> cst.BaseElement:
        if isinstance(origin, ast.Starred):
            starred = self.open(cst.StarredElement, origin, parent)
            starred.value = self.expression(origin.value, starred.number)
            return self.close(starred)
        element = self.open(cst.Element, origin, parent)
        element.value = self.expression(origin, element.number)
        return self.close(element)

    def annotation(self, origin: ast.expr | None, parent: int) -> cst.Annotation | None:
        if origin is None:
            return None
        node = self.open(cst.Annotation, origin, parent)
        node.annotation = self.expression(origin, node.number)
        return self.close(node)

    def as_name(self, origin: ast.AST, name: str | None, parent: int) -> cst.AsName:
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

    def parameters(self, origin: ast.arguments, parent: int) -> cst.Parameters:
        node = self.open(cst.Parameters, origin, parent)
        number = node.number
        plain = len(origin.posonlyargs) + len(origin.args)
        defaults: list[ast.expr | None] = [*([None] * (plain - len(origin.defaults))), *origin.defaults]
        given = iter(defaults)
        node.posonly_params = [self.parameter(a, next(given), "", number) for a in origin.posonlyargs]
        node.params = [self.parameter(a, next(given), "", number) for a in origin.args]
        node.star_arg = None if origin.vararg is None else self.parameter(origin.vararg, None, "*", number)
        both = zip(origin.kwonlyargs, origin.kw_defaults, strict=True)
        node.kwonly_params = [self.parameter(a, default, "", number) for a, default in both]
        node.star_kwarg = None if origin.kwarg is None else self.parameter(origin.kwarg, None, "**", number)
        return self.close(node)

    def parameter(self, origin: ast.arg, default: ast.expr | None, star: str, parent: int) -> cst.Param:
        node = self.open(cst.Param, origin if default is None else (origin, default), parent)
        node.star = star
        node.name = self.name(origin.arg, origin, node.number)
        node.annotation = self.annotation(origin.annotation, node.number)
        node.default = self.optional(default, node.number)
        return self.close(node)

    def comprehension(self, origins: Sequence[ast.comprehension], parent: int) -> cst.CompFor:
        first, *rest = origins
        last = origins[-1].ifs[-1] if origins[-1].ifs else origins[-1].iter
        node = self.open(cst.CompFor, (first.target, last), parent)
        number = node.number
        node.asynchronous = self.open(cst.Asynchronous, None, number) if first.is_async else None
        node.target = self.expression(first.target, number)
        node.iter = self.expression(first.iter, number)
        ifs = []
        for test in first.ifs:
            condition = self.open(cst.CompIf, test, number)
            condition.test = self.expression(test, condition.number)
            ifs.append(self.close(condition))
        node.ifs = ifs
        node.inner_for_in = self.comprehension(rest, number) if rest else None
        return self.close(node)

    def format_parts(self, values: Sequence[ast.expr], parent: int) -> list[cst.FormattedStringExpression]:
        parts = []
        for value in values:
            if isinstance(value, ast.Constant):
                continue  # its text
            held = cast("ast.FormattedValue", value)  # or Python 3.14's Interpolation, which has the same fields
            part = self.open(cst.FormattedStringExpression, held, parent)
            part.expression = self.expression(held.value, part.number)
            spec = held.format_spec
            part.format_spec = self.format_parts(spec.values, part.number) if isinstance(spec, ast.JoinedStr) else []
            parts.append(self.close(part))
        return parts

    def statements(self, origins: Sequence[ast.stmt], parent: int) -> list[cst.BaseStatement]:
        """Add the statements of a body; those that share a line become one."""
        added: list[cst.BaseStatement] = []
        at, count = 0, len(origins)
        while at < count:
            compound = _COMPOUND.get(type(origins[at]))
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
        return [_SIMPLE[type(origin)](self, origin, parent) for origin in origins]

    def suite(self, origins: Sequence[ast.stmt], parent: int) -> cst.BaseSuite:
        first = origins[0]
        # A decorator cannot stand on the line of a head.
        before = self._lines[first.lineno - 1][: first.col_offset]
        origin = (first, origins[-1])
        if before.isspace() or type(first) in _COMPOUND:
            block = self.open(cst.IndentedBlock, origin, parent)
            block.body = self.statements(origins, block.number)
            return self.close(block)
        suite = self.open(cst.SimpleStatementSuite, origin, parent)
        suite.body = self.small(origins, suite.number)
        return self.close(suite)

    def orelse(self, origins: Sequence[ast.stmt], parent: int) -> cst.Else | None:
        if not origins:
            return None
        node = self.open(cst.Else, (origins[0], origins[-1]), parent)
        node.body = self.suite(origins, node.number)
        return self.close(node)

    def asynchronous(self, origin: ast.AST, parent: int) -> cst.Asynchronous | None:
        if type(origin) in (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith):
            return self.open(cst.Asynchronous, origin, parent)
        return None

    def written(self, origin: ast.expr) -> str | None:
        """Return how a short literal is written; None where it goes over lines or columns are not bytes."""
        line = self._lines[origin.lineno - 1]
        if origin.end_lineno != origin.lineno or not line.isascii():
            return None
        return line[origin.col_offset : origin.end_col_offset]


# Expressions


def _constant(b: _Builder, origin: ast.Constant, parent: int) -> cst.BaseExpression:
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


def _attribute(b: _Builder, origin: ast.Attribute, parent: int) -> cst.BaseExpression:
    node = b.open(cst.Attribute, origin, parent)
    node.value = b.expression(origin.value, node.number)
    node.attr = b.name(origin.attr, origin, node.number)
    return b.close(node)


def _call(b: _Builder, origin: ast.Call, parent: int) -> cst.BaseExpression:
    node = b.open(cst.Call, origin, parent)
    node.func = b.expression(origin.func, node.number)
    node.args = b.arguments(origin.args, origin.keywords, node.number)
    return b.close(node)


def _subscript(b: _Builder, origin: ast.Subscript, parent: int) -> cst.BaseExpression:
    node = b.open(cst.Subscript, origin, parent)
    node.value = b.expression(origin.value, node.number)
    inside = origin.slice
    # `x[(a, b)]` holds one tuple; it alone has parentheses around it.
    several = isinstance(inside, ast.Tuple) and inside.elts and (b.written(inside) or "")[:1] != "("
    node.slice = [_slice_part(b, p, node.number) for p in (inside.elts if several else [inside])]  # type: ignore[attr-defined]
    return b.close(node)


def _slice_part(b: _Builder, origin: ast.expr, parent: int) -> cst.SubscriptElement:
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
) -> Callable[[_Builder, Any, int], cst.BaseExpression]:
    def build(b: _Builder, origin: ast.Tuple | ast.List | ast.Set, parent: int) -> cst.BaseExpression:
        node = b.open(kind, origin, parent)
        node.elements = [b.element(e, node.number) for e in origin.elts]
        return b.close(node)

    return build


def _dict(b: _Builder, origin: ast.Dict, parent: int) -> cst.BaseExpression:
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
) -> Callable[[_Builder, Any, int], cst.BaseExpression]:
    def build(b: _Builder, origin: ast.ListComp | ast.SetComp | ast.GeneratorExp, parent: int) -> cst.BaseExpression:
        node = b.open(kind, origin, parent)
        node.elt = b.expression(origin.elt, node.number)
        node.for_in = b.comprehension(origin.generators, node.number)
        return b.close(node)

    return build


def _dict_comp(b: _Builder, origin: ast.DictComp, parent: int) -> cst.BaseExpression:
    node = b.open(cst.DictComp, origin, parent)
    node.key = b.expression(origin.key, node.number)
    node.value = b.expression(origin.value, node.number)
    node.for_in = b.comprehension(origin.generators, node.number)
    return b.close(node)


def _binary(b: _Builder, origin: ast.BinOp, parent: int) -> cst.BaseExpression:
    node = b.open(cst.BinaryOperation, origin, parent)
    node.left = b.expression(origin.left, node.number)
    node.operator = b.operator(origin.op, node.number)
    node.right = b.expression(origin.right, node.number)
    return b.close(node)


def _boolean(b: _Builder, origin: ast.BoolOp, parent: int) -> cst.BaseExpression:
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
        node.operator = b.operator(origin.op, node.number)
        node.right = b.expression(value, node.number)
        b.close(node)
    return chain[0]


def _unary(b: _Builder, origin: ast.UnaryOp, parent: int) -> cst.BaseExpression:
    node = b.open(cst.UnaryOperation, origin, parent)
    node.operator = b.operator(origin.op, node.number)
    node.expression = b.expression(origin.operand, node.number)
    return b.close(node)


def _compare(b: _Builder, origin: ast.Compare, parent: int) -> cst.BaseExpression:
    node = b.open(cst.Comparison, origin, parent)
    node.left = b.expression(origin.left, node.number)
    targets = []
    for operator, comparator in zip(origin.ops, origin.comparators, strict=True):
        target = b.open(cst.ComparisonTarget, comparator, node.number)
        target.operator = b.operator(operator, target.number)
        target.comparator = b.expression(comparator, target.number)
        targets.append(b.close(target))
    node.comparisons = targets
    return b.close(node)


def _if_exp(b: _Builder, origin: ast.IfExp, parent: int) -> cst.BaseExpression:
    node = b.open(cst.IfExp, origin, parent)
    node.body = b.expression(origin.body, node.number)
    node.test = b.expression(origin.test, node.number)
    node.orelse = b.expression(origin.orelse, node.number)
    return b.close(node)


def _yield(b: _Builder, origin: ast.Yield, parent: int) -> cst.BaseExpression:
    node = b.open(cst.Yield, origin, parent)
    node.value = b.optional(origin.value, node.number)
    return b.close(node)


def _yield_from(b: _Builder, origin: ast.YieldFrom, parent: int) -> cst.BaseExpression:
    node = b.open(cst.Yield, origin, parent)
    node.value = _from(b, origin.value, node.number)
    return b.close(node)


def _from(b: _Builder, origin: ast.expr, parent: int) -> cst.From:
    node = b.open(cst.From, origin, parent)
    node.item = b.expression(origin, node.number)
    return b.close(node)


def _await(b: _Builder, origin: ast.Await, parent: int) -> cst.BaseExpression:
    node = b.open(cst.Await, origin, parent)
    node.expression = b.expression(origin.value, node.number)
    return b.close(node)


def _named(b: _Builder, origin: ast.NamedExpr, parent: int) -> cst.BaseExpression:
    node = b.open(cst.NamedExpr, origin, parent)
    node.target = b.expression(origin.target, node.number)
    node.value = b.expression(origin.value, node.number)
    return b.close(node)


def _formatted(b: _Builder, origin: Any, parent: int) -> cst.BaseExpression:
    node = b.open(cst.FormattedString, origin, parent)
    node.parts = b.format_parts(origin.values, node.number)
    return b.close(node)


def _lambda(b: _Builder, origin: ast.Lambda, parent: int) -> cst.BaseExpression:
    node = b.open(cst.Lambda, origin, parent)
    node.params = b.parameters(origin.args, node.number)
    node.body = b.expression(origin.body, node.number)
    return b.close(node)


_EXPRESSIONS: dict[type[ast.AST], Callable[[_Builder, Any, int], cst.BaseExpression]] = {
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


# Simple statements


def _expr(b: _Builder, origin: ast.Expr, parent: int) -> cst.BaseSmallStatement:
    node = b.open(cst.Expr, origin, parent)
    node.value = b.expression(origin.value, node.number)
    return b.close(node)


def _assign(b: _Builder, origin: ast.Assign, parent: int) -> cst.BaseSmallStatement:
    node = b.open(cst.Assign, origin, parent)
    targets = []
    for target in origin.targets:
        holder = b.open(cst.AssignTarget, target, node.number)
        holder.target = b.expression(target, holder.number)
        targets.append(b.close(holder))
    node.targets = targets
    node.value = b.expression(origin.value, node.number)
    return b.close(node)


def _ann_assign(b: _Builder, origin: ast.AnnAssign, parent: int) -> cst.BaseSmallStatement:
    node = b.open(cst.AnnAssign, origin, parent)
    node.target = b.expression(origin.target, node.number)
    node.annotation = cast("cst.Annotation", b.annotation(origin.annotation, node.number))
    node.value = b.optional(origin.value, node.number)
    return b.close(node)


def _aug_assign(b: _Builder, origin: ast.AugAssign, parent: int) -> cst.BaseSmallStatement:
    node = b.open(cst.AugAssign, origin, parent)
    node.target = b.expression(origin.target, node.number)
    kind = cst.BitOrAssign if isinstance(origin.op, ast.BitOr) else cst.Operator
    node.operator = b.open(kind, None, node.number)
    node.value = b.expression(origin.value, node.number)
    return b.close(node)


def _return(b: _Builder, origin: ast.Return, parent: int) -> cst.BaseSmallStatement:
    node = b.open(cst.Return, origin, parent)
    node.value = b.optional(origin.value, node.number)
    return b.close(node)


def _raise(b: _Builder, origin: ast.Raise, parent: int) -> cst.BaseSmallStatement:
    node = b.open(cst.Raise, origin, parent)
    node.exc = b.optional(origin.exc, node.number)
    node.cause = None if origin.cause is None else _from(b, origin.cause, node.number)
    return b.close(node)


def _assert(b: _Builder, origin: ast.Assert, parent: int) -> cst.BaseSmallStatement:
    node = b.open(cst.Assert, origin, parent)
    node.test = b.expression(origin.test, node.number)
    node.msg = b.optional(origin.msg, node.number)
    return b.close(node)


def _delete(b: _Builder, origin: ast.Delete, parent: int) -> cst.BaseSmallStatement:
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
) -> Callable[[_Builder, Any, int], cst.BaseSmallStatement]:
    return lambda b, origin, parent: b.open(kind, origin, parent)


def _names(
    kind: type[cst.Global] | type[cst.Nonlocal],
) -> Callable[[_Builder, Any, int], cst.BaseSmallStatement]:
    def build(b: _Builder, origin: ast.Global | ast.Nonlocal, parent: int) -> cst.BaseSmallStatement:
        node = b.open(kind, origin, parent)
        items = []
        for name in origin.names:
            item = b.open(cst.NameItem, origin, node.number)
            item.name = b.name(name, origin, item.number)
            items.append(b.close(item))
        node.names = items
        return b.close(node)

    return build


def _aliases(b: _Builder, origins: Sequence[ast.alias], parent: int) -> list[cst.ImportAlias]:
    aliases = []
    for origin in origins:
        alias = b.open(cst.ImportAlias, origin, parent)
        alias.name = b.dotted(origin.name, origin, alias.number)
        alias.asname = None if origin.asname is None else b.as_name(origin, origin.asname, alias.number)
        aliases.append(b.close(alias))
    return aliases


def _import(b: _Builder, origin: ast.Import, parent: int) -> cst.BaseSmallStatement:
    node = b.open(cst.Import, origin, parent)
    node.names = _aliases(b, origin.names, node.number)
    return b.close(node)


def _import_from(b: _Builder, origin: ast.ImportFrom, parent: int) -> cst.BaseSmallStatement:
    node = b.open(cst.ImportFrom, origin, parent)
    node.relative = origin.level
    node.module = None if origin.module is None else b.dotted(origin.module, origin, node.number)
    if origin.names[0].name == "*":
        node.names = b.open(cst.ImportStar, origin, node.number)
    else:
        node.names = _aliases(b, origin.names, node.number)
    return b.close(node)


def _type_alias(b: _Builder, origin: Any, parent: int) -> cst.BaseSmallStatement:
    node = b.open(cst.TypeAlias, origin, parent)
    node.name = b.expression(origin.name, node.number)
    node.value = b.expression(origin.value, node.number)
    return b.close(node)


_SIMPLE: dict[type[ast.AST], Callable[[_Builder, Any, int], cst.BaseSmallStatement]] = {
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


# Compound statements


def _decorators(b: _Builder, origins: Sequence[ast.expr], parent: int) -> list[cst.Decorator]:
    decorators = []
    for origin in origins:
        node = b.open(cst.Decorator, origin, parent)
        node.decorator = b.expression(origin, node.number)
        decorators.append(b.close(node))
    return decorators


def _function(b: _Builder, origin: ast.FunctionDef | ast.AsyncFunctionDef, parent: int) -> cst.BaseCompoundStatement:
    node = b.open(cst.FunctionDef, origin, parent)
    number = node.number
    node.decorators = _decorators(b, origin.decorator_list, number)
    node.asynchronous = b.asynchronous(origin, number)
    node.name = b.name(origin.name, origin, number)
    node.params = b.parameters(origin.args, number)
    node.returns = b.annotation(origin.returns, number)
    node.body = b.suite(origin.body, number)
    return b.close(node)


def _class(b: _Builder, origin: ast.ClassDef, parent: int) -> cst.BaseCompoundStatement:
    node = b.open(cst.ClassDef, origin, parent)
    number = node.number
    node.decorators = _decorators(b, origin.decorator_list, number)
    node.name = b.name(origin.name, origin, number)
    node.bases = [b.argument(base, number) for base in origin.bases]
    node.keywords = [b.argument(keyword, number) for keyword in origin.keywords]
    node.body = b.suite(origin.body, number)
    return b.close(node)


def _if(b: _Builder, origin: ast.If, parent: int) -> cst.BaseCompoundStatement:
    node = b.open(cst.If, origin, parent)
    node.test = b.expression(origin.test, node.number)
    node.body = b.suite(origin.body, node.number)
    inner = origin.orelse[0] if len(origin.orelse) == 1 else None
    if isinstance(inner, ast.If) and b._lines[inner.lineno - 1].startswith("elif", inner.col_offset):
        node.orelse = cast("cst.If", _if(b, inner, node.number))
    else:
        node.orelse = b.orelse(origin.orelse, node.number)
    return b.close(node)


def _for(b: _Builder, origin: ast.For | ast.AsyncFor, parent: int) -> cst.BaseCompoundStatement:
    node = b.open(cst.For, origin, parent)
    node.asynchronous = b.asynchronous(origin, node.number)
    node.target = b.expression(origin.target, node.number)
    node.iter = b.expression(origin.iter, node.number)
    node.body = b.suite(origin.body, node.number)
    node.orelse = b.orelse(origin.orelse, node.number)
    return b.close(node)


def _while(b: _Builder, origin: ast.While, parent: int) -> cst.BaseCompoundStatement:
    node = b.open(cst.While, origin, parent)
    node.test = b.expression(origin.test, node.number)
    node.body = b.suite(origin.body, node.number)
    node.orelse = b.orelse(origin.orelse, node.number)
    return b.close(node)


def _with(b: _Builder, origin: ast.With | ast.AsyncWith, parent: int) -> cst.BaseCompoundStatement:
    node = b.open(cst.With, origin, parent)
    node.asynchronous = b.asynchronous(origin, node.number)
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


def _try(b: _Builder, origin: Any, parent: int) -> cst.BaseCompoundStatement:
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
    node.orelse = b.orelse(origin.orelse, node.number)
    node.finalbody = None
    if origin.finalbody:
        final = b.open(cst.Finally, (origin.finalbody[0], origin.finalbody[-1]), node.number)
        final.body = b.suite(origin.finalbody, final.number)
        node.finalbody = b.close(final)
    return b.close(node)


def _match(b: _Builder, origin: ast.Match, parent: int) -> cst.BaseCompoundStatement:
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


def _pattern(b: _Builder, origin: ast.pattern, parent: int) -> cst.MatchPattern:
    node = b.open(cst.MatchPattern, origin, parent)
    parts: list[cst.CSTNode] = []
    for inside in ast.iter_child_nodes(origin):
        if isinstance(inside, ast.pattern):
            parts.append(_pattern(b, inside, node.number))
        elif isinstance(inside, ast.expr):
            parts.append(b.expression(inside, node.number))
    names = (getattr(origin, "name", None), getattr(origin, "rest", None))
    parts += [b.name(name, origin, node.number) for name in names if name is not None]
    node.parts = parts
    return b.close(node)


_COMPOUND: dict[type[ast.AST], Callable[[_Builder, Any, int], cst.BaseCompoundStatement]] = {
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
# What newer Pythons have: `except*` since 3.11, `type` since 3.12, template strings since 3.14.
for _name, _table, _build in (
    ("TryStar", _COMPOUND, _try),
    ("TypeAlias", _SIMPLE, _type_alias),
    ("TemplateStr", _EXPRESSIONS, _formatted),
):
    if hasattr(ast, _name):
        cast("dict[Any, Any]", _table)[getattr(ast, _name)] = _build
