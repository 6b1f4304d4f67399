"""Operators, literals, and functions without a name."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_cpuperf.static.source.nodes.base import BaseExpression, CSTNode
from pytest_cpuperf.static.source.nodes.expressions import Name

__all__ = [
    "And",
    "Annotation",
    "Await",
    "BinaryOperation",
    "BitOrAssign",
    "BooleanOperation",
    "Comparison",
    "ComparisonTarget",
    "Ellipsis",
    "Float",
    "FormattedString",
    "FormattedStringExpression",
    "From",
    "IfExp",
    "Imaginary",
    "In",
    "Integer",
    "Lambda",
    "NamedExpr",
    "Not",
    "NotEqual",
    "NotIn",
    "Operator",
    "Or",
    "Param",
    "Parameters",
    "SimpleString",
    "UnaryOperation",
    "Yield",
]


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
