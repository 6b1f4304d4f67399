"""Cutting a file down to what its rules will ask about, before libcst parses it.

libcst parses under 1 MB/s. Of a large file only the functions that hold a live trigger matter, with the functions of
the same file that they call. The others become `def name(): pass`, and lines without code go; a table keeps the
numbers of the lines that stay. Anything the cut gets wrong leaves text that does not parse, and then the whole file is
parsed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

_HEAD = re.compile(r"(?:async[ \t]+)?(def|class)[ \t]+(\w+)")
_CALLED = re.compile(r"(?<![\w.])(?<!def )([A-Za-z_]\w*)\s*\(")
_CALLS = re.compile(r"[\w\])][ \t]*\(")
_LONG_LITERAL = 200
_CALLED_ON_SELF = re.compile(r"(?<![\w.])(?:self|cls)\s*\.\s*([A-Za-z_]\w*)\s*\(")


@dataclass(eq=False)
class Chunk:
    """A function of the module or of a class, with its decorators. Lines count from 0; `end` is past the last."""

    name: str
    owner: Class | None
    indent: str
    start: int
    end: int = 0
    code: str = ""
    """Its text, strings and comments blanked."""

    @cached_property
    def called_names(self) -> frozenset[str]:
        """Names it calls plainly: `name(`."""
        return frozenset(_CALLED.findall(self.code))

    @cached_property
    def called_on_self(self) -> frozenset[str]:
        """Methods of its own object it calls: `self.name(`, and `forward` by `self(`, as modules do."""
        called = frozenset(_CALLED_ON_SELF.findall(self.code))
        return called | {"forward"} if "self" in self.called_names else called


@dataclass(eq=False)
class Class:
    """A class and its methods by name."""

    name: str
    indent: str
    start: int
    end: int = 0
    outer: Class | None = None
    methods: dict[str, list[Chunk]] = field(default_factory=dict)


class Outline:
    """The functions and classes of a file, found by indentation in its code (strings and comments blanked)."""

    def __init__(self, code: str) -> None:
        self.lines = code.split("\n")
        self.chunks: list[Chunk] = []
        self.classes: list[Class] = []
        self.functions: dict[str, list[Chunk]] = {}
        self._read()

    def _read(self) -> None:
        classes: list[Class] = []
        open_chunk: Chunk | None = None
        decorated: tuple[int, int] | None = None  # (width of indentation, line) of the first decorator
        for number, line in enumerate(self.lines):
            stripped = line.lstrip(" \t")
            if not stripped or stripped[0] in "\r)]}\f":
                continue
            width = len(line) - len(stripped)
            if open_chunk is not None:
                if width > len(open_chunk.indent):
                    continue
                open_chunk.end = number
                open_chunk = None
            while classes and width <= len(classes[-1].indent):
                classes.pop().end = number
            if stripped[0] == "@":
                decorated = decorated if decorated and decorated[0] == width else (width, number)
                continue
            if decorated and width > decorated[0]:
                continue  # the arguments of a decorator
            head = _HEAD.match(stripped)
            start = decorated[1] if decorated and decorated[0] == width else number
            decorated = None
            if head is None:
                continue
            indent = line[:width]
            if head[1] == "class":
                classes.append(Class(head[2], indent, start, outer=classes[-1] if classes else None))
                self.classes.append(classes[-1])
                continue
            owner = classes[-1] if classes else None
            open_chunk = Chunk(head[2], owner, indent, start)
            self.chunks.append(open_chunk)
            by_name = owner.methods if owner else self.functions
            by_name.setdefault(open_chunk.name, []).append(open_chunk)
        still_open: list[Class | Chunk] = [*classes, *([open_chunk] if open_chunk else [])]
        for piece in still_open:
            piece.end = len(self.lines)
        for chunk in self.chunks:
            chunk.code = "\n".join(self.lines[chunk.start : chunk.end])

    def holding(self, lines: Iterable[int]) -> dict[int, Chunk | None]:
        """Return the chunk that holds each line (counted from 0), or None for the module's own."""
        found: dict[int, Chunk | None] = {}
        position = 0
        for line in sorted(lines):
            while position < len(self.chunks) and self.chunks[position].end <= line:
                position += 1
            inside = position < len(self.chunks) and self.chunks[position].start <= line
            found[line] = self.chunks[position] if inside else None
        return found

    def called(self, chunk: Chunk) -> list[Chunk]:
        """Return the functions of this file that a chunk plainly calls: `name(` or `self.name(`."""
        found = [c for name in chunk.called_names & self.functions.keys() for c in self.functions[name]]
        if chunk.owner is not None:
            methods = chunk.owner.methods
            found += [c for name in chunk.called_on_self & methods.keys() for c in methods[name]]
        return found

    def closure(self, chunks: Iterable[Chunk], wanted: Callable[[Chunk], bool] | None = None) -> set[Chunk]:
        """Return chunks and all they call, directly or not; of what is called only what is wanted."""
        reached: set[Chunk] = set()
        todo = list(chunks)
        while todo:
            chunk = todo.pop()
            if chunk not in reached:
                reached.add(chunk)
                todo += [c for c in self.called(chunk) if wanted is None or c in reached or wanted(c)]
        return reached

    def siblings(self, chunk: Chunk) -> list[Chunk]:
        """Return all methods of the class a chunk belongs to."""
        return [c for same in chunk.owner.methods.values() for c in same] if chunk.owner else []


@dataclass(frozen=True)
class Pruned:
    """What is left of a text, without lines that hold no code."""

    text: str
    lines: tuple[int, ...]
    """The number, from 1, that each line has in the whole text."""


def prune(text: str, outline: Outline, kept: set[Chunk], class_lines: set[int]) -> Pruned:
    """Return the text with all functions that are not kept, and all classes that hold nothing kept, made stubs.

    A stub stands on the first line of what it replaces. `class_lines` are lines (counted from 0) of triggers that stand
    in a class but in none of its functions: such classes stay.
    """
    both = zip(text.split("\n"), outline.lines, strict=True)
    lines: list[str | None] = [line if code.strip() else None for line, code in both]
    needed = {owner for chunk in kept for owner in _owners(chunk.owner)}
    needed |= {c for c in outline.classes if any(c.start <= line < c.end for line in class_lines)}
    for chunk in outline.chunks:
        if chunk not in kept and (chunk.owner is None or chunk.owner in needed):
            _stub(lines, chunk, f"{chunk.indent}def {chunk.name}(): pass")
    for klass in outline.classes:
        if klass not in needed and (klass.outer is None or klass.outer in needed):
            _stub(lines, klass, f"{klass.indent}class {klass.name}: pass")
    _drop_long_literals(lines, outline.lines, class_lines)
    left = [(number, line) for number, line in enumerate(lines, start=1) if line is not None]
    return Pruned("".join(f"{line}\n" for _, line in left), tuple(number for number, _ in left))


def _drop_long_literals(lines: list[str | None], code: list[str], triggers: set[int]) -> None:
    """Empty the long lists and tables of a module's own level: data that was generated, in which nothing is called."""
    start: int | None = None
    for number, line in enumerate(code):
        if not line.strip() or line[0] in " \t":
            continue
        if start is not None and number - start > _LONG_LITERAL and line[0] in ")]}":
            inside = range(start + 1, number)
            if not any(_CALLS.search(code[n]) for n in inside) and triggers.isdisjoint(inside):
                lines[start + 1 : number] = [None] * len(inside)
        start = number if line.rstrip().endswith(("(", "[", "{")) else None


def _owners(klass: Class | None) -> Iterator[Class]:
    while klass is not None:
        yield klass
        klass = klass.outer


def _stub(lines: list[str | None], piece: Chunk | Class, stub: str) -> None:
    lines[piece.start : piece.end] = [stub, *[None] * (piece.end - piece.start - 1)]
