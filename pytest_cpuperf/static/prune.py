"""Cutting a file down to what its rules will ask about, before libcst parses it.

libcst parses under 1 MB/s. Of a large file only the functions that hold a live trigger matter, with the functions of
the same file that they call. The others become `def name(): pass` on their first line, so that every line that stays
keeps its number. Anything the cut gets wrong leaves text that does not parse, and then the whole file is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

_HEAD = re.compile(r"(?:async[ \t]+)?(def|class)[ \t]+(\w+)")
_CALLED = re.compile(r"(?<![\w.])([A-Za-z_]\w*)\s*\(")
_CALLED_ON_SELF = re.compile(r"(?<![\w.])(?:self|cls)\s*\.\s*([A-Za-z_]\w*)\s*\(")
# What a class's training may start from: whether a method is reached from these decides some reports.
ENTRY_METHODS = ("forward", "training_step", "compute_loss", "shared_step")


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
        """Methods of its own object it calls: `self.name(`."""
        return frozenset(_CALLED_ON_SELF.findall(self.code))


@dataclass(eq=False)
class Class:
    """A class and its methods by name."""

    name: str
    indent: str
    methods: dict[str, list[Chunk]] = field(default_factory=dict)


class Outline:
    """The functions and classes of a file, found by indentation in its code (strings and comments blanked)."""

    def __init__(self, code: str) -> None:
        self.lines = code.split("\n")
        self.chunks: list[Chunk] = []
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
                classes.pop()
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
                classes.append(Class(head[2], indent))
                continue
            owner = classes[-1] if classes else None
            open_chunk = Chunk(head[2], owner, indent, start)
            self.chunks.append(open_chunk)
            by_name = owner.methods if owner else self.functions
            by_name.setdefault(open_chunk.name, []).append(open_chunk)
        if open_chunk is not None:
            open_chunk.end = len(self.lines)
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

    def closure(self, chunks: Iterable[Chunk]) -> set[Chunk]:
        """Return chunks and all they call, directly or not."""
        reached: set[Chunk] = set()
        todo = list(chunks)
        while todo:
            chunk = todo.pop()
            if chunk not in reached:
                reached.add(chunk)
                todo += self.called(chunk)
        return reached

    def with_entries(self, chunks: Iterable[Chunk]) -> set[Chunk]:
        """Return chunks and, for methods, the class's methods from which training may start."""
        kept = set(chunks)
        for chunk in list(kept):
            if chunk.owner is not None:
                kept.update(c for name in ENTRY_METHODS for c in chunk.owner.methods.get(name, ()))
        return kept

    def siblings(self, chunk: Chunk) -> list[Chunk]:
        """Return all methods of the class a chunk belongs to."""
        return [c for same in chunk.owner.methods.values() for c in same] if chunk.owner else []


def prune(text: str, outline: Outline, keep: Callable[[Chunk], bool]) -> str:
    """Return the text with every function that is not kept replaced by a stub on its first line."""
    lines = text.split("\n")
    for chunk in outline.chunks:
        if keep(chunk):
            continue
        first, last = chunk.start, _last_line(outline.lines, chunk)
        lines[first : last + 1] = [f"{chunk.indent}def {chunk.name}(): pass", *[""] * (last - first)]
    return "\n".join(lines)


def _last_line(lines: list[str], chunk: Chunk) -> int:
    """Return a chunk's last line with code or with the end of a string on it."""
    last = chunk.end - 1
    while last > chunk.start and not lines[last].strip():
        last -= 1
    return last
