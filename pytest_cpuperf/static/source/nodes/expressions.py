"""Names, calls, subscripts, and what is written in brackets."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_cpuperf.static.source.nodes.base import Asynchronous, BaseExpression, CSTNode

__all__ = [
    "Arg",
    "Attribute",
    "BaseDictElement",
    "BaseElement",
    "BaseSimpleComp",
    "Call",
    "CompFor",
    "CompIf",
    "Dict",
    "DictComp",
    "DictElement",
    "Element",
    "GeneratorExp",
    "Index",
    "List",
    "ListComp",
    "Name",
    "Set",
    "SetComp",
    "Slice",
    "StarredDictElement",
    "StarredElement",
    "Subscript",
    "SubscriptElement",
    "Tuple",
]


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
