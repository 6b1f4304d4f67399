"""Statements, simple and compound."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_cpuperf.static.source.nodes.base import (
    Asynchronous,
    BaseCompoundStatement,
    BaseExpression,
    BaseSmallStatement,
    BaseSuite,
    CSTNode,
)
from pytest_cpuperf.static.source.nodes.expressions import Arg, Attribute, Name
from pytest_cpuperf.static.source.nodes.operations import Annotation, From, Operator, Parameters

__all__ = [
    "AnnAssign",
    "AsName",
    "Assert",
    "Assign",
    "AssignTarget",
    "AugAssign",
    "Break",
    "ClassDef",
    "Continue",
    "Decorator",
    "Del",
    "Else",
    "ExceptHandler",
    "Expr",
    "Finally",
    "For",
    "FunctionDef",
    "Global",
    "If",
    "Import",
    "ImportAlias",
    "ImportFrom",
    "ImportStar",
    "Match",
    "MatchCase",
    "MatchPattern",
    "NameItem",
    "Nonlocal",
    "Pass",
    "Raise",
    "Return",
    "Try",
    "TypeAlias",
    "While",
    "With",
    "WithItem",
]


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
