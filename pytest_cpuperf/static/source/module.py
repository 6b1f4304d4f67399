"""A parsed source file, indexed once so that rules can ask: what is inside this, what is this name, who encloses it.

libcst's own metadata is complete and slow (a parent map alone costs as much as the parse). The index here is one
walk over the nodes that mean something: white space, commas and brackets are stepped over.
"""

from __future__ import annotations

import bisect
import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast, overload

from pytest_cpuperf.static.source.edits import line_starts
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.lazy_libcst import cst
from pytest_cpuperf.static.source.live import code_only
from pytest_cpuperf.static.source.parse import parse

if TYPE_CHECKING:
    from libcst.metadata import CodeRange

_WORD = re.compile(r"[^\W\d]\w*")
Node = TypeVar("Node", bound="cst.CSTNode")


@cache
def _punctuation() -> tuple[type[cst.CSTNode], ...]:
    return (
        *(cst.BaseParenthesizableWhitespace, cst.EmptyLine, cst.TrailingWhitespace, cst.Comment, cst.Newline),
        *(cst.Comma, cst.Semicolon, cst.Dot, cst.Colon, cst.AssignEqual, cst.LeftParen, cst.RightParen),
        *(cst.LeftSquareBracket, cst.RightSquareBracket, cst.LeftCurlyBrace, cst.RightCurlyBrace),
    )


class _Kinds(dict[type, int]):
    """What a field's value is, by its type: nothing to us, a node, or a sequence. `isinstance` on nodes is slow."""

    NOTHING, NODE, SEQUENCE = range(3)

    def __missing__(self, kind: type) -> int:
        if issubclass(kind, cst.CSTNode):
            self[kind] = self.NOTHING if issubclass(kind, _punctuation()) else self.NODE
        else:
            self[kind] = self.SEQUENCE if issubclass(kind, (list, tuple)) else self.NOTHING
        return self[kind]


_kinds = _Kinds()
_fields_by_type: dict[type[cst.CSTNode], tuple[str, ...]] = {}


def children(node: cst.CSTNode) -> list[cst.CSTNode]:
    """Return a node's children that mean something, in source order."""
    names = _fields_by_type.get(type(node))
    if names is None:
        names = _fields_by_type[type(node)] = _meaningful_fields(type(node))
    found: list[cst.CSTNode] = []
    for name in names:
        value = getattr(node, name)
        kind = _kinds[type(value)]
        if kind == 1:
            found.append(value)
        elif kind == 2:
            found += [part for part in value if _kinds[type(part)] == 1]
    return found


def _meaningful_fields(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    names = [f.name for f in dataclasses.fields(kind) if not f.name.startswith(("whitespace", "leading_lines"))]
    if kind is cst.FunctionDef or kind is cst.ClassDef:
        # Decorators stand before the name in the source, after it among the fields.
        names = ["decorators", *(n for n in names if n != "decorators")]
    if kind is cst.FunctionDef:
        names = [*(n for n in names if n not in ("body",)), "body"]
    if kind is cst.Arg:
        names = ["keyword", "value"]
    if kind is cst.IfExp:
        names = ["body", "test", "orelse"]
    return tuple(names)


def _alone(node: cst.CSTNode) -> cst.CSTNode:
    """Return a node without the comma that belongs to it in the tree, and to the list in a reader's eye."""
    if isinstance(node, cst.Arg):
        return node.with_changes(comma=cst.MaybeSentinel.DEFAULT, whitespace_after_arg=cst.SimpleWhitespace(""))
    if isinstance(node, cst.ImportAlias):
        return node.with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return node


class Range(NamedTuple):
    """A node's place. Lines and columns count from 1; the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


class Module:
    """One parsed file, or what `prune` left of it. Raises SourceError where libcst cannot parse it.

    What rules ask about the whole file is in `facts`, which are read from its full text.
    """

    def __init__(self, text: str, facts: Facts | None = None, lines: Sequence[int] = ()) -> None:
        """Parse a text; `lines` are the numbers its lines have in the whole file, where some were left out."""
        self.facts = facts or Facts(text)
        self._text = text
        self._lines = lines
        self.tree = parse(text)
        self._order: dict[int, int] = {}
        self._end: dict[int, int] = {}
        self._parents: dict[int, cst.CSTNode] = {}
        self._by_kind: dict[type[cst.CSTNode], tuple[list[int], list[cst.CSTNode]]] = {}
        self._index()

    def _index(self) -> None:
        """Number all nodes in source order; iteratively, because long expressions nest deeper than Python's stack."""
        order, end, parents, by_kind = self._order, self._end, self._parents, self._by_kind
        number = 0
        stack: list[cst.CSTNode | None] = [self.tree]
        open_nodes: list[cst.CSTNode] = []
        while stack:
            node = stack.pop()
            if node is None:  # all inside the innermost open node is numbered
                end[id(open_nodes.pop())] = number
                continue
            order[id(node)] = number
            kept = by_kind.get(type(node))
            if kept is None:
                kept = by_kind[type(node)] = ([], [])
            kept[0].append(number)
            kept[1].append(node)
            number += 1
            if open_nodes:
                parents[id(node)] = open_nodes[-1]
            inside = children(node)
            if inside:
                open_nodes.append(node)
                stack.append(None)
                inside.reverse()
                stack += inside
            else:
                end[id(node)] = number

    @overload
    def nodes(self, kind: type[Node], /, *, within: cst.CSTNode | None = None) -> list[Node]: ...
    @overload
    def nodes(
        self, kind: type[cst.CSTNode], /, *kinds: type[cst.CSTNode], within: cst.CSTNode | None = None
    ) -> list[Any]: ...
    def nodes(self, *kinds: type[cst.CSTNode], within: cst.CSTNode | None = None) -> list[Any]:
        """Return the nodes of some kinds, all or those inside a node (itself included), in source order."""
        found: list[tuple[int, cst.CSTNode]] = []
        for kind in kinds:
            numbers, nodes = self._by_kind.get(kind, ([], []))
            low, high = 0, len(nodes)
            if within is not None:
                low = bisect.bisect_left(numbers, self._order[id(within)])
                high = bisect.bisect_left(numbers, self._end[id(within)])
            found += zip(numbers[low:high], nodes[low:high], strict=True)
        if len(kinds) > 1:
            found.sort(key=lambda pair: pair[0])
        return [node for _, node in found]

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """Return the node that holds a node, or None for the module."""
        return self._parents.get(id(node))

    def parents(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Yield the nodes around a node, innermost first."""
        current = self.parent(node)
        while current is not None:
            yield current
            current = self.parent(current)

    def is_inside(self, node: cst.CSTNode, outer: cst.CSTNode) -> bool:
        """Return whether `node` is `outer` or inside it."""
        return self._order[id(outer)] <= self._order[id(node)] < self._end[id(outer)]

    def is_after(self, node: cst.CSTNode, other: cst.CSTNode) -> bool:
        """Return whether `node` begins after `other` has ended."""
        return self._order[id(node)] >= self._end[id(other)]

    def around(self, node: cst.CSTNode, kind: type[Node]) -> Node | None:
        """Return the innermost node of a kind around a node, or None."""
        return next((p for p in self.parents(node) if isinstance(p, kind)), None)

    def function_of(self, node: cst.CSTNode) -> cst.FunctionDef | None:
        """Return the function whose body or head holds a node; a decorator belongs to the function it decorates."""
        return self.around(node, cst.FunctionDef)

    def class_of(self, node: cst.CSTNode) -> cst.ClassDef | None:
        """Return the innermost class around a node."""
        return self.around(node, cst.ClassDef)

    @cached_property
    def functions(self) -> dict[str, list[cst.FunctionDef]]:
        """All functions and methods of the file by name."""
        found: dict[str, list[cst.FunctionDef]] = {}
        for function in self.nodes(cst.FunctionDef):
            found.setdefault(function.name.value, []).append(function)
        return found

    @property
    def imports(self) -> dict[str, str]:
        """What each imported name of the file stands for."""
        return self.facts.imports

    def qualified(self, node: cst.BaseExpression | cst.CSTNode) -> str | None:
        """Return what a name or attribute stands for through the file's imports: `t.no_grad` → `torch.no_grad`."""
        name = dotted(node)
        if name is None:
            return None
        return self.facts.full_name(name)

    def is_imported(self, node: cst.CSTNode) -> bool:
        """Return whether a name's first part was imported."""
        name = dotted(node)
        return name is not None and name.split(".")[0] in self.imports

    def code(self, node: cst.CSTNode) -> str:
        """Return a node's source text."""
        return self.tree.code_for_node(node)

    def position(self, node: cst.CSTNode) -> Range:
        """Return where a node is. Lines and columns count from 1, the end is exclusive."""
        start = self._start(node)
        if start is not None:
            # The tree is lossless: a node's code stands in the text as it is, unless it was indented line by line.
            code = self.tree.code_for_node(_alone(node))
            if self._text.startswith(code, start):
                return Range(*self._place(start), *self._place(start + len(code)))
        place = self._slow_positions[node]
        first, last = place.start, place.end
        return Range(self._whole(first.line), first.column + 1, self._whole(last.line), last.column + 1)

    @cached_property
    def _slow_positions(self) -> Mapping[cst.CSTNode, CodeRange]:
        from libcst.metadata import MetadataWrapper, PositionProvider

        # Writes out the whole file: only for what the quick way cannot place.
        return cast("Mapping[cst.CSTNode, CodeRange]", MetadataWrapper(self.tree, True).resolve(PositionProvider))

    def _start(self, node: cst.CSTNode) -> int | None:
        """Return the offset at which a node begins, where it begins with a name: that name's n-th use."""
        first = node
        while not isinstance(first, cst.Name):
            if getattr(first, "lpar", ()) or isinstance(first, cst.FormattedString):
                return None
            following = next(iter(children(first)), None)
            if following is None:
                return None
            first = following
        numbers, offsets = self._names.get(first.value, ([], []))
        if len(numbers) != len(offsets):
            return None  # a word that is a keyword elsewhere in the file, as `match` is
        i = bisect.bisect_left(numbers, self._order[id(first)])
        if i == len(numbers) or numbers[i] != self._order[id(first)]:
            return None
        return offsets[i] if not getattr(node, "star", "") else None

    @cached_property
    def _names(self) -> dict[str, tuple[list[int], list[int]]]:
        """Each identifier's nodes (by their number) and its places in the text (by offset), both in source order."""
        found: dict[str, tuple[list[int], list[int]]] = {}
        inside = [(self._order[id(f)], self._end[id(f)]) for f in self.nodes(cst.FormattedString)]
        for name in self.nodes(cst.Name):
            number = self._order[id(name)]
            if not any(a <= number < b for a, b in inside):
                found.setdefault(name.value, ([], []))[0].append(number)
        for match in _WORD.finditer(code_only(self._text)):
            if match.group() in found:
                found[match.group()][1].append(match.start())
        return found

    @cached_property
    def _line_starts(self) -> list[int]:
        return line_starts(self._text)

    def _place(self, offset: int) -> tuple[int, int]:
        line = bisect.bisect_right(self._line_starts, offset)
        return self._whole(line), offset - self._line_starts[line - 1] + 1

    def _whole(self, line: int) -> int:
        """Return the number a line has in the whole file."""
        return self._lines[line - 1] if 0 < line <= len(self._lines) else line

    def indentation(self, line: int) -> str | None:
        """Return the white space that a line of the whole file begins with; None where it was left out."""
        own = bisect.bisect_left(self._lines, line) if self._lines else line - 1
        if own >= len(self._line_starts) or (self._lines and self._lines[own] != line):
            return None
        text = self._text[self._line_starts[own] :].split("\n", 1)[0]
        return text[: len(text) - len(text.lstrip(" \t"))]

    def statement_line(self, node: cst.CSTNode) -> int:
        """Return the line on which the statement around a node begins."""
        for parent in (node, *self.parents(node)):
            if isinstance(parent, (cst.SimpleStatementLine, cst.BaseCompoundStatement)):
                start = self._start(parent)
                return self._place(start)[0] if start is not None else self.position(parent).line
        return self.position(node).line


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
    if isinstance(node, (cst.SimpleString, cst.ConcatenatedString)):
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
