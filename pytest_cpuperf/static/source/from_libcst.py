"""A file's tree, made of libcst's: for what is newer than the Python that runs, and what is nested too deep for `ast`.

Slow, and never wrong about where a node is; the tests hold the tree made of `ast` against it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import get_annotations
from typing import Any, cast

import libcst
from libcst.metadata import MetadataWrapper, PositionProvider

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.tree import Tree

_Assign = Callable[[Any], None]
_NAMED_ELSE = {
    "TryStar": cst.Try,
    "ExceptStarHandler": cst.ExceptHandler,
    "TemplatedString": cst.FormattedString,
    "TemplatedStringExpression": cst.FormattedStringExpression,
}
_PATTERNS = (libcst.MatchPattern, libcst.MatchStar)


def from_libcst(parsed: libcst.Module) -> Tree:
    """Return the tree of what libcst has parsed; without recursion, for expressions deeper than Python's stack."""
    wrapper = MetadataWrapper(parsed, unsafe_skip_copy=True)
    places = wrapper.resolve(PositionProvider)
    tree = Tree([])
    todo: list[tuple[libcst.CSTNode, int, _Assign]] = [(parsed, 0, lambda node: None)]
    while todo:
        source, parent, assign = todo.pop()
        node = tree.open(_kind(source), _place(places.get(source)), parent)
        assign(node)
        todo += reversed(_fill(node, source))
    for number in range(len(tree.nodes) - 1, 0, -1):
        parent = tree.parents[number]
        tree.ends[parent] = max(tree.ends[parent], tree.ends[number])
    return tree


def _place(found: Any) -> cst.Place | None:
    if found is None:
        return None
    return cst.Place(found.start.line, found.start.column, found.end.line, found.end.column)


def _kind(source: libcst.CSTNode) -> type[cst.CSTNode]:
    if isinstance(source, libcst.ConcatenatedString):
        return cst.SimpleString if source.evaluated_value is not None else cst.FormattedString
    if isinstance(source, _PATTERNS):
        return cst.MatchPattern
    name = type(source).__name__
    kind = _NAMED_ELSE.get(name) or getattr(cst, name, None)
    return kind if kind is not None else cst.Operator


def fields(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    """Return the names of what a kind of node holds, in the order of the source."""
    named = [name for k in kind.__mro__ for name in get_annotations(k)]
    return tuple(dict.fromkeys(n for n in named if n not in ("number", "origin")))


def _fill(node: cst.CSTNode, source: libcst.CSTNode) -> list[tuple[libcst.CSTNode, int, _Assign]]:
    """Set a node's plain fields, and return what else it is to hold."""
    if isinstance(node, cst.MatchPattern):
        return _several(node, "parts", _pattern_parts(source))
    if isinstance(node, cst.FormattedString):
        return _several(node, "parts", list(_expressions(source)))
    inside: list[tuple[libcst.CSTNode, int, _Assign]] = []
    for name in fields(type(node)):
        value = getattr(source, name, None)
        if name == "relative":
            value = len(value or ())
        elif name == "format_spec":
            value = value or ()
        elif name == "value" and isinstance(source, libcst.ConcatenatedString):
            value = ""
        if isinstance(value, libcst.CSTNode) and not isinstance(value, libcst.ParamStar):
            inside.append((value, node.number, _setter(node, name)))
        elif isinstance(value, (list, tuple)):
            held = [v for v in value if not isinstance(v, libcst.FormattedStringText)]
            inside += _several(node, name, held)
        else:
            setattr(node, name, _plain(value))
    return inside


def _plain(value: Any) -> Any:
    return None if isinstance(value, (libcst.MaybeSentinel, libcst.ParamStar)) else value


def _setter(node: cst.CSTNode, name: str) -> _Assign:
    return lambda value: setattr(node, name, value)


def _several(
    node: cst.CSTNode, name: str, sources: Sequence[libcst.CSTNode]
) -> list[tuple[libcst.CSTNode, int, _Assign]]:
    held: list[cst.CSTNode] = []
    setattr(node, name, held)
    return [(source, node.number, held.append) for source in sources]


def _expressions(source: libcst.CSTNode) -> list[libcst.CSTNode]:
    """Return what stands in the braces of an f-string, or of several strings next to each other."""
    if isinstance(source, libcst.ConcatenatedString):
        return [*_expressions(source.left), *_expressions(source.right)]
    parts = cast("Sequence[libcst.CSTNode]", getattr(source, "parts", ()))
    return [p for p in parts if hasattr(p, "expression")]


def _pattern_parts(source: libcst.CSTNode) -> list[libcst.CSTNode]:
    """Return the expressions and patterns that stand in a pattern, whatever libcst puts around them."""
    found: list[libcst.CSTNode] = []
    todo = list(source.children)
    while todo:
        part = todo.pop(0)
        if isinstance(part, libcst.MatchKeywordElement):
            todo.insert(0, part.pattern)  # its key is no name that is read
        elif isinstance(part, (*_PATTERNS, libcst.BaseExpression)):
            found.append(part)
        else:
            todo[:0] = part.children
    return found
