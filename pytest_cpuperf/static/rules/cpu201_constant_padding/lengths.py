"""Where the length that is padded to comes from."""

from __future__ import annotations

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.patterns import pattern

_FROM_MODEL = pattern(r"get_inputs|\.shape|input_shape|seq_len_from|static")


def read_from_model(module: Module, length: cst.BaseExpression) -> bool:
    """Return whether a length is read from a compiled model's input."""
    return _FROM_MODEL.search(module.code(length)) is not None


def length_of_these_texts(module: Module, call: cst.Call, length: cst.BaseExpression) -> bool:
    """Return whether a length is computed from how long something is: the longest text, or the bucket that holds it."""
    scope = module.function_of(call)
    if scope is None:
        return False
    todo, seen = [length], set()
    while todo:
        value = todo.pop()
        for name in module.nodes(cst.Name, within=value):
            if name.value == "len":
                return True
            if name.value not in seen:
                seen.add(name.value)
                todo += [
                    a.value
                    for a in module.nodes(cst.Assign, within=scope)
                    if any(isinstance(t.target, cst.Name) and t.target.value == name.value for t in a.targets)
                    and not module.is_inside(call, a)
                ]
    return False
