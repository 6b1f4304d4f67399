"""Names, strings and arguments as they are written."""

from __future__ import annotations

from pytest_cpuperf.static.source import nodes as cst


def dotted(node: cst.CSTNode | None) -> str | None:
    """Return `a.b.c` for a name or a chain of attributes on a name, None for anything else."""
    parts: list[str] = []
    while isinstance(node, cst.Attribute):
        parts.append(node.attr.value)
        node = node.value
    if not isinstance(node, cst.Name):
        return None
    parts.append(node.value)
    return ".".join(reversed(parts))


def last_name(node: cst.CSTNode) -> str | None:
    """Return the last identifier of what is called or read: `self.model` → `model`, `nets[0]` → `nets`."""
    while isinstance(node, (cst.Subscript, cst.Call, cst.Await)):
        node = (
            node.func
            if isinstance(node, cst.Call)
            else node.value
            if isinstance(node, cst.Subscript)
            else node.expression
        )
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else None


def string_value(node: cst.CSTNode | None) -> str | None:
    """Return the text of a plain string literal, None for anything else."""
    if isinstance(node, cst.SimpleString):
        value = node.evaluated_value
        return value if isinstance(value, str) else None
    return None


def argument(call: cst.Call, keyword: str, position: int | None = None) -> cst.BaseExpression | None:
    """Return the value a call passes for a parameter, by keyword or position; None where it passes none.

    Positions after a `*args` are unknown and not looked at; see `has_unpacking`.
    """
    for index, arg in enumerate(call.args):
        if arg.keyword is not None:
            if arg.keyword.value == keyword:
                return arg.value
        elif arg.star == "*":
            position = None
        elif arg.star == "" and index == position:
            return arg.value
    return None


def has_unpacking(call: cst.Call) -> bool:
    """Return whether a call passes `*args` or `**kwargs`, which may hold anything."""
    return any(arg.star for arg in call.args)
