"""The nodes of a syntax tree as rules see them, named as libcst names them.

libcst keeps every blank and comma, and builds a tree at 0.8 MB/s; rules ask for none of that. These nodes hold what
they do ask for, and are made from the standard library's `ast`, ten times as fast (`tree.py`).
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import NamedTuple


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


# Expressions


class Name(BaseExpression):
    """A name, wherever it stands; `True`, `False` and `None` are names too."""

    __slots__ = ("value",)
    value: str


class Attribute(BaseExpression):
    """`value.attr`."""

    __slots__ = ("attr", "value")
    value: BaseExpression
    attr: Name


class Arg(CSTNode):
    """An argument; `star` is `*`, `**` or empty."""

    __slots__ = ("keyword", "star", "value")
    keyword: Name | None
    value: BaseExpression
    star: str


class Call(BaseExpression):
    """`func(args)`, the arguments in the order of the source."""

    __slots__ = ("args", "func")
    func: BaseExpression
    args: Sequence[Arg]


class Index(CSTNode):
    """What a subscript holds that is no slice."""

    __slots__ = ("value",)
    value: BaseExpression


class Slice(CSTNode):
    """`lower:upper:step`."""

    __slots__ = ("lower", "step", "upper")
    lower: BaseExpression | None
    upper: BaseExpression | None
    step: BaseExpression | None


class SubscriptElement(CSTNode):
    """One of the parts between the brackets of a subscript."""

    __slots__ = ("slice",)
    slice: Index | Slice


class Subscript(BaseExpression):
    """`value[slice]`."""

    __slots__ = ("slice", "value")
    value: BaseExpression
    slice: Sequence[SubscriptElement]


class BaseElement(CSTNode):
    """An element of a tuple, a list or a set."""

    __slots__ = ("value",)
    value: BaseExpression


class Element(BaseElement):
    """A plain element."""

    __slots__ = ()


class StarredElement(BaseElement):
    """`*value`."""

    __slots__ = ()


class Tuple(BaseExpression):
    """`a, b`, in parentheses or not."""

    __slots__ = ("elements",)
    elements: Sequence[BaseElement]


class List(BaseExpression):
    """`[a, b]`."""

    __slots__ = ("elements",)
    elements: Sequence[BaseElement]


class Set(BaseExpression):
    """`{a, b}`."""

    __slots__ = ("elements",)
    elements: Sequence[BaseElement]


class BaseDictElement(CSTNode):
    """An entry of a dict."""

    __slots__ = ("value",)
    value: BaseExpression


class DictElement(BaseDictElement):
    """`key: value`."""

    __slots__ = ("key",)
    key: BaseExpression


class StarredDictElement(BaseDictElement):
    """`**value`."""

    __slots__ = ()


class Dict(BaseExpression):
    """`{key: value}`."""

    __slots__ = ("elements",)
    elements: Sequence[BaseDictElement]


class CompIf(CSTNode):
    """The condition of a comprehension."""

    __slots__ = ("test",)
    test: BaseExpression


class CompFor(CSTNode):
    """`for target in iter if …` of a comprehension, and the loop within it."""

    __slots__ = ("asynchronous", "ifs", "inner_for_in", "iter", "target")
    asynchronous: Asynchronous | None
    target: BaseExpression
    iter: BaseExpression
    ifs: Sequence[CompIf]
    inner_for_in: CompFor | None


class BaseSimpleComp(BaseExpression):
    """A comprehension of single values."""

    __slots__ = ("elt", "for_in")
    elt: BaseExpression
    for_in: CompFor


class ListComp(BaseSimpleComp):
    """`[elt for …]`."""

    __slots__ = ()


class SetComp(BaseSimpleComp):
    """`{elt for …}`."""

    __slots__ = ()


class GeneratorExp(BaseSimpleComp):
    """`(elt for …)`."""

    __slots__ = ()


class DictComp(BaseExpression):
    """`{key: value for …}`."""

    __slots__ = ("for_in", "key", "value")
    key: BaseExpression
    value: BaseExpression
    for_in: CompFor


class Operator(CSTNode):
    """An operator of which nothing but its being there is asked."""

    __slots__ = ()


class And(Operator):
    """`and`."""

    __slots__ = ()


class Or(Operator):
    """`or`."""

    __slots__ = ()


class Not(Operator):
    """`not`."""

    __slots__ = ()


class In(Operator):
    """`in`."""

    __slots__ = ()


class NotIn(Operator):
    """`not in`."""

    __slots__ = ()


class NotEqual(Operator):
    """`!=`."""

    __slots__ = ()


class BitOrAssign(Operator):
    """`|=`."""

    __slots__ = ()


class BinaryOperation(BaseExpression):
    """`left + right` and its like."""

    __slots__ = ("left", "operator", "right")
    left: BaseExpression
    operator: Operator
    right: BaseExpression


class BooleanOperation(BaseExpression):
    """`left and right`; of a longer chain the left is the chain without its last part."""

    __slots__ = ("left", "operator", "right")
    left: BaseExpression
    operator: Operator
    right: BaseExpression


class UnaryOperation(BaseExpression):
    """`not expression`, `-expression` and their like."""

    __slots__ = ("expression", "operator")
    operator: Operator
    expression: BaseExpression


class ComparisonTarget(CSTNode):
    """What something is compared with, and how."""

    __slots__ = ("comparator", "operator")
    operator: Operator
    comparator: BaseExpression


class Comparison(BaseExpression):
    """`left < a < b`."""

    __slots__ = ("comparisons", "left")
    left: BaseExpression
    comparisons: Sequence[ComparisonTarget]


class IfExp(BaseExpression):
    """`body if test else orelse`."""

    __slots__ = ("body", "orelse", "test")
    body: BaseExpression
    test: BaseExpression
    orelse: BaseExpression


class From(CSTNode):
    """What `yield from` takes from."""

    __slots__ = ("item",)
    item: BaseExpression


class Yield(BaseExpression):
    """`yield value`, or `yield from item`."""

    __slots__ = ("value",)
    value: BaseExpression | From | None


class Await(BaseExpression):
    """`await expression`."""

    __slots__ = ("expression",)
    expression: BaseExpression


class NamedExpr(BaseExpression):
    """`target := value`."""

    __slots__ = ("target", "value")
    target: BaseExpression
    value: BaseExpression


class SimpleString(BaseExpression):
    """A literal of text or bytes, or several next to each other; `value` is how it is written."""

    __slots__ = ("evaluated_value", "value")
    value: str
    evaluated_value: str | bytes


class FormattedStringExpression(CSTNode):
    """What stands in the braces of an f-string."""

    __slots__ = ("expression", "format_spec")
    expression: BaseExpression
    format_spec: Sequence[FormattedStringExpression]


class FormattedString(BaseExpression):
    """An f-string; `parts` are its expressions."""

    __slots__ = ("parts",)
    parts: Sequence[FormattedStringExpression]


class Integer(BaseExpression):
    """An integer; `value` is how it is written."""

    __slots__ = ("evaluated_value", "value")
    value: str
    evaluated_value: int


class Float(BaseExpression):
    """A floating-point number."""

    __slots__ = ("evaluated_value",)
    evaluated_value: float


class Imaginary(BaseExpression):
    """An imaginary number."""

    __slots__ = ()


class Ellipsis(BaseExpression):  # noqa: A001, libcst's name
    """`...`."""

    __slots__ = ()


class Annotation(CSTNode):
    """What stands after the colon of a parameter or variable, or the arrow of a function."""

    __slots__ = ("annotation",)
    annotation: BaseExpression


class Param(CSTNode):
    """A parameter; `star` is `*`, `**` or empty."""

    __slots__ = ("annotation", "default", "name", "star")
    name: Name
    annotation: Annotation | None
    default: BaseExpression | None
    star: str


class Parameters(CSTNode):
    """The parameters of a function."""

    __slots__ = ("kwonly_params", "params", "posonly_params", "star_arg", "star_kwarg")
    posonly_params: Sequence[Param]
    params: Sequence[Param]
    star_arg: Param | None
    kwonly_params: Sequence[Param]
    star_kwarg: Param | None


class Lambda(BaseExpression):
    """`lambda params: body`."""

    __slots__ = ("body", "params")
    params: Parameters
    body: BaseExpression


# Simple statements


class Expr(BaseSmallStatement):
    """An expression as a statement."""

    __slots__ = ("value",)
    value: BaseExpression


class AssignTarget(CSTNode):
    """One of the targets of an assignment."""

    __slots__ = ("target",)
    target: BaseExpression


class Assign(BaseSmallStatement):
    """`a = b = value`."""

    __slots__ = ("targets", "value")
    targets: Sequence[AssignTarget]
    value: BaseExpression


class AnnAssign(BaseSmallStatement):
    """`target: annotation = value`."""

    __slots__ = ("annotation", "target", "value")
    target: BaseExpression
    annotation: Annotation
    value: BaseExpression | None


class AugAssign(BaseSmallStatement):
    """`target += value` and its like."""

    __slots__ = ("operator", "target", "value")
    target: BaseExpression
    operator: Operator
    value: BaseExpression


class Return(BaseSmallStatement):
    """`return value`."""

    __slots__ = ("value",)
    value: BaseExpression | None


class Raise(BaseSmallStatement):
    """`raise exc from cause`."""

    __slots__ = ("cause", "exc")
    exc: BaseExpression | None
    cause: From | None


class Assert(BaseSmallStatement):
    """`assert test, msg`."""

    __slots__ = ("msg", "test")
    test: BaseExpression
    msg: BaseExpression | None


class Del(BaseSmallStatement):
    """`del target`."""

    __slots__ = ("target",)
    target: BaseExpression


class Pass(BaseSmallStatement):
    """`pass`."""

    __slots__ = ()


class Break(BaseSmallStatement):
    """`break`."""

    __slots__ = ()


class Continue(BaseSmallStatement):
    """`continue`."""

    __slots__ = ()


class NameItem(CSTNode):
    """A name of a `global` or `nonlocal` statement."""

    __slots__ = ("name",)
    name: Name


class Global(BaseSmallStatement):
    """`global a, b`."""

    __slots__ = ("names",)
    names: Sequence[NameItem]


class Nonlocal(BaseSmallStatement):
    """`nonlocal a, b`."""

    __slots__ = ("names",)
    names: Sequence[NameItem]


class AsName(CSTNode):
    """What stands after `as`."""

    __slots__ = ("name",)
    name: BaseExpression


class ImportAlias(CSTNode):
    """What is imported, and as what."""

    __slots__ = ("asname", "name")
    name: Name | Attribute
    asname: AsName | None


class ImportStar(CSTNode):
    """The star of `from m import *`."""

    __slots__ = ()


class Import(BaseSmallStatement):
    """`import a, b`."""

    __slots__ = ("names",)
    names: Sequence[ImportAlias]


class ImportFrom(BaseSmallStatement):
    """`from module import names`; `relative` is the number of dots before the module."""

    __slots__ = ("module", "names", "relative")
    module: Name | Attribute | None
    names: Sequence[ImportAlias] | ImportStar
    relative: int


class TypeAlias(BaseSmallStatement):
    """`type name = value`."""

    __slots__ = ("name", "value")
    name: BaseExpression
    value: BaseExpression


# Compound statements


class Decorator(CSTNode):
    """A decorator."""

    __slots__ = ("decorator",)
    decorator: BaseExpression


class FunctionDef(BaseCompoundStatement):
    """A function or method."""

    __slots__ = ("asynchronous", "body", "decorators", "name", "params", "returns")
    decorators: Sequence[Decorator]
    asynchronous: Asynchronous | None
    name: Name
    params: Parameters
    returns: Annotation | None
    body: BaseSuite


class ClassDef(BaseCompoundStatement):
    """A class."""

    __slots__ = ("bases", "body", "decorators", "keywords", "name")
    decorators: Sequence[Decorator]
    name: Name
    bases: Sequence[Arg]
    keywords: Sequence[Arg]
    body: BaseSuite


class Else(CSTNode):
    """What stands after `else`."""

    __slots__ = ("body",)
    body: BaseSuite


class Finally(CSTNode):
    """What stands after `finally`."""

    __slots__ = ("body",)
    body: BaseSuite


class If(BaseCompoundStatement):
    """`if` and `elif`; `orelse` is the `If` of an `elif`, or an `Else`."""

    __slots__ = ("body", "orelse", "test")
    test: BaseExpression
    body: BaseSuite
    orelse: If | Else | None


class For(BaseCompoundStatement):
    """`for target in iter`."""

    __slots__ = ("asynchronous", "body", "iter", "orelse", "target")
    asynchronous: Asynchronous | None
    target: BaseExpression
    iter: BaseExpression
    body: BaseSuite
    orelse: Else | None


class While(BaseCompoundStatement):
    """`while test`."""

    __slots__ = ("body", "orelse", "test")
    test: BaseExpression
    body: BaseSuite
    orelse: Else | None


class WithItem(CSTNode):
    """One of the contexts of a `with`."""

    __slots__ = ("asname", "item")
    item: BaseExpression
    asname: AsName | None


class With(BaseCompoundStatement):
    """`with items`."""

    __slots__ = ("asynchronous", "body", "items")
    asynchronous: Asynchronous | None
    items: Sequence[WithItem]
    body: BaseSuite


class ExceptHandler(CSTNode):
    """`except type as name`."""

    __slots__ = ("body", "name", "type")
    type: BaseExpression | None
    name: AsName | None
    body: BaseSuite


class Try(BaseCompoundStatement):
    """`try`, with `except` or `except*`."""

    __slots__ = ("body", "finalbody", "handlers", "orelse")
    body: BaseSuite
    handlers: Sequence[ExceptHandler]
    orelse: Else | None
    finalbody: Finally | None


class MatchPattern(CSTNode):
    """A pattern of a `match`, with the values and patterns in it."""

    __slots__ = ("parts",)
    parts: Sequence[CSTNode]


class MatchCase(CSTNode):
    """`case pattern if guard`."""

    __slots__ = ("body", "guard", "pattern")
    pattern: MatchPattern
    guard: BaseExpression | None
    body: BaseSuite


class Match(BaseCompoundStatement):
    """`match subject`."""

    __slots__ = ("cases", "subject")
    subject: BaseExpression
    cases: Sequence[MatchCase]
