"""Where constant padding is asked for, and which calls get the request: as an argument, by a name, in a dictionary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_cpuperf.static.rules.base import Silence
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import argument, dotted, last_name, string_value

_KEYWORDS = frozenset({"padding", "padding_strategy", "pad_to_max_length"})
_DICTIONARY_MAKERS = frozenset({"dict", "update", "setdefault", "partial"})


@dataclass(frozen=True)
class Request:
    """A place that asks for constant padding."""

    node: cst.CSTNode
    """What is reported: the argument, the dictionary's entry, the assignment."""
    calls: tuple[cst.Call, ...]
    """The calls that are given it."""
    length: cst.BaseExpression | None
    """The length that is padded to, where it is written beside the request."""
    value: cst.BaseExpression
    """The word itself, which a fix replaces."""


def find_requests(module: Module) -> Iterator[Request | Silence]:
    """Yield each request of a file, and each mention that asks for nothing, in source order within a kind."""
    for call in module.nodes(cst.Call):
        for arg in call.args:
            yield from _of_argument(module, call, arg)
    for entry in module.nodes(cst.DictElement):
        if string_value(entry.key) == "padding" and _asks(module, entry, entry.value):
            holder = module.parent(entry)
            assert isinstance(holder, cst.Dict)
            yield Request(entry, tuple(_given(module, holder)), _entry(holder, "max_length"), entry.value)
    for assign in module.nodes(cst.Assign):
        target = assign.targets[0].target
        if isinstance(target, cst.Subscript) and _key(target) == "padding" and _asks(module, assign, assign.value):
            name = dotted(target.value)
            calls = tuple(_unpacked(module, assign, name)) if name else ()
            yield Request(assign, calls, None, assign.value)
    for comparison in module.nodes(cst.ComparisonTarget):
        if string_value(comparison.comparator) == "max_length" or _is_strategy(module, comparison.comparator):
            yield Silence(comparison, "it is compared with, not asked for")
    for param in module.nodes(cst.Param):
        if param.default is not None and string_value(param.default) == "max_length":
            yield Silence(param, "a default, which a caller may override")


def _of_argument(module: Module, call: cst.Call, arg: cst.Arg) -> Iterator[Request | Silence]:
    keyword = arg.keyword.value if arg.keyword is not None else None
    if last_name(call.func) == "enable_padding":
        if keyword == "length":
            yield from _of_length(module, call, arg)
        return
    if keyword not in _KEYWORDS:
        return
    if isinstance(arg.value, cst.IfExp) and any(_asks(module, call, v) for v in (arg.value.body, arg.value.orelse)):
        yield Silence(arg, "whether it pads to a constant is chosen at run time")
        return
    if keyword == "pad_to_max_length":
        if not (isinstance(arg.value, cst.Name) and arg.value.value == "True"):
            return
    elif not _asks(module, call, arg.value):
        return
    length = argument(call, "max_length")
    if isinstance(call.func, (cst.Name, cst.Attribute)) and last_name(call.func) in _DICTIONARY_MAKERS:
        yield Request(arg, tuple(_given(module, call)), length, arg.value)
    else:
        yield Request(arg, (call,), length, arg.value)


def _of_length(module: Module, call: cst.Call, arg: cst.Arg) -> Iterator[Request | Silence]:
    length = constant(module, call, arg.value)
    if isinstance(length, cst.Integer):
        if int(length.value, 0) > 0:  # 0 switches it off
            yield Request(arg, (call,), arg.value, arg.value)
        else:
            yield Silence(arg, "no length is given: it pads to the longest")
    else:
        yield Silence(arg, "the length is not constant in this file")


def _asks(module: Module, place: cst.CSTNode, value: cst.BaseExpression) -> bool:
    """Return whether a value is the word that asks for constant padding."""
    value = constant(module, place, value)
    return string_value(value) == "max_length" or _is_strategy(module, value)


def _is_strategy(module: Module, value: cst.BaseExpression) -> bool:
    return (module.qualified(value) or "").endswith("PaddingStrategy.MAX_LENGTH")


def constant(module: Module, place: cst.CSTNode, value: cst.BaseExpression) -> cst.BaseExpression:
    """Return what a local variable or module constant holds where it is bound exactly once, else the value itself."""
    if not isinstance(value, cst.Name):
        return value
    scopes = [s for s in (module.function_of(place), module.tree) if s is not None]
    for scope in scopes:
        if isinstance(scope, cst.FunctionDef) and any(
            p.name.value == value.value for p in module.nodes(cst.Param, within=scope.params)
        ):
            return value
        bound = [
            assign.value
            for assign in module.nodes(cst.Assign, within=scope)
            if any(isinstance(t.target, cst.Name) and t.target.value == value.value for t in assign.targets)
            and module.function_of(assign) is (scope if isinstance(scope, cst.FunctionDef) else None)
        ]
        if bound:
            return bound[0] if len(bound) == 1 else value
    return value


def _key(target: cst.Subscript) -> str | None:
    index = target.slice[0].slice
    return string_value(index.value) if isinstance(index, cst.Index) else None


def _entry(holder: cst.Dict, key: str) -> cst.BaseExpression | None:
    for element in holder.elements:
        if isinstance(element, cst.DictElement) and string_value(element.key) == key:
            return element.value
    return None


def _given(module: Module, holder: cst.BaseExpression) -> Iterator[cst.Call]:
    """Yield the calls that are given a dictionary: as `**`, as an argument, or by the name it is bound to."""
    parent = module.parent(holder)
    if isinstance(parent, cst.Arg):
        call = module.parent(parent)
        if isinstance(call, cst.Call):
            yield call
    if isinstance(parent, (cst.Assign, cst.AnnAssign)):
        targets = [t.target for t in parent.targets] if isinstance(parent, cst.Assign) else [parent.target]
        for target in targets:
            if name := dotted(target):
                yield from _unpacked(module, parent, name)
    if isinstance(parent, cst.Expr) and isinstance(holder, cst.Call) and isinstance(holder.func, cst.Attribute):
        if name := dotted(holder.func.value):  # options.update(padding=…)
            yield from _unpacked(module, parent, name)


def _unpacked(module: Module, place: cst.CSTNode, name: str) -> Iterator[cst.Call]:
    """Yield the calls that unpack a dictionary by its name: of its function, its class (`self.NAME`), or the file."""
    function, around = module.function_of(place), module.class_of(place)
    names = {name}
    scope: cst.CSTNode = function if function is not None else module.tree
    if function is None and around is not None:
        names, scope = {f"self.{name}", f"cls.{name}", f"{around.name.value}.{name}"}, around
    elif "." in name and around is not None:
        scope = around
    for arg in module.nodes(cst.Arg, within=scope):
        if dotted(arg.value) in names and (arg.star == "**" or arg.keyword is not None):
            call = module.parent(arg)
            if isinstance(call, cst.Call):
                yield call
