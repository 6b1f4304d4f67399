"""The functions and classes of a file, found by indentation in its code, and who calls whom."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, cached_property

from pytest_cpuperf.static.source.chunks import CALLS, HEAD, Chunk, Class
from pytest_cpuperf.static.source.patterns import pattern

# `name = Class(…)`, `name: Class`, `self.name = other`: all of a file at once, each from the sign that it begins with.
_MADE = pattern(r"=[ \t]*(?:await[ \t]+)?([A-Za-z_]\w*)[ \t]*\(")
_ANNOTATED = pattern(r":[ \t]*(?:Optional\[[ \t]*)?([A-Za-z_]\w*)(?![\w.]|[ \t]*[.(])")
_HANDED_ON = pattern(r"=[ \t]*([A-Za-z_]\w*)(?=[ \t]?(?:\n|\Z)|[ \t]{2})")
# What they are bound to is read backwards from there.
_BOUND_BEFORE = pattern(r"([A-Za-z_]\w*)[ \t]*(?::[^=\n]+)?$")
_NAME_BEFORE = pattern(r"([A-Za-z_]\w*)[ \t]*$")
_ATTRIBUTE_BEFORE = pattern(r"\.[ \t]*([A-Za-z_]\w*)[ \t]*(?::[^=\n]+)?$")


@cache
def _line_up_to(width: int) -> re.Pattern[str]:
    """Return what finds a line that holds something and is indented by no more than a number of blanks."""
    return re.compile(rf"\n[ \t]{{0,{width}}}(?![ \t\n\r)\]}}\f])(?=.)")


def _bases(lines: Sequence[str], number: int) -> tuple[str, ...]:
    """Return the bases of the class whose head begins on a line."""
    head = lines[number]
    while head.count("(") > head.count(")") and number + 1 < len(lines):
        number += 1
        head += lines[number]
    inside = re.search(r"\((.*)\)\s*:", head)
    names = re.sub(r"\[[^\]]*\]", "", inside[1]).split(",") if inside else []
    return tuple(n.strip() for n in names if n.strip() and "=" not in n)


def _instances(code: str, classes: dict[str, Class]) -> dict[str, Class]:
    """Return the variables and attributes that are bound to an object of some classes, or annotated as one."""
    places = [(m, _BOUND_BEFORE) for m in _MADE.finditer(code) if m[1] in classes]
    places += [(m, _NAME_BEFORE) for m in _ANNOTATED.finditer(code) if m[1] in classes]
    order = {name: number for number, name in enumerate(classes)}
    found: dict[str, Class] = {}
    for match, before in sorted(places, key=lambda place: (order[place[0][1]], place[0].start(1))):
        target = _before(code, match, before)
        if target and target != match[1]:
            found[target] = classes[match[1]]
    if found:
        numbers = {name: number for number, name in enumerate(found)}
        handed_on = [m for m in _HANDED_ON.finditer(code) if m[1] in numbers]
        for match in sorted(handed_on, key=lambda m: numbers[m[1]]):
            if target := _before(code, match, _ATTRIBUTE_BEFORE):
                found.setdefault(target, found[match[1]])
    return found


def _before(code: str, match: re.Match[str], wanted: re.Pattern[str]) -> str:
    """Return the name that a pattern finds before a match, on its line; '' for none."""
    start = match.start()
    line_start = max(code.rfind("\n", 0, start) + 1, start - 100)
    found = wanted.search(code, line_start, start)
    return found[1] if found is not None else ""


class Outline:
    """The functions and classes of a file, found by indentation in its code (strings and comments blanked)."""

    def __init__(self, code: str) -> None:
        self.lines = code.split("\n")
        self.chunks: list[Chunk] = []
        self.classes: list[Class] = []
        self.functions: dict[str, list[Chunk]] = {}
        self._code = code
        self._called: dict[Chunk, list[Chunk]] = {}
        self._bases_by_class: dict[str, tuple[Class, ...]] = {}
        self._read()

    def _read(self) -> None:
        classes: list[Class] = []
        decorated: tuple[int, int] | None = None  # (width of indentation, line) of the first decorator
        number = offset = 0
        while number < len(self.lines):
            line, at, first = self.lines[number], offset, number
            number, offset = number + 1, offset + len(line) + 1
            stripped = line.lstrip(" \t")
            if not stripped or stripped[0] in "\r)]}\f":
                continue
            width = len(line) - len(stripped)
            while classes and width <= len(classes[-1].indent):
                classes.pop().end = first
            if stripped[0] == "@":
                decorated = decorated if decorated and decorated[0] == width else (width, first)
                continue
            if decorated and width > decorated[0]:
                continue  # the arguments of a decorator
            head = HEAD.match(stripped)
            start = decorated[1] if decorated and decorated[0] == width else first
            decorated = None
            if head is None:
                continue
            owner = classes[-1] if classes else None
            if head[1] == "class":
                classes.append(Class(head[2], line[:width], start, outer=owner, bases=_bases(self.lines, first)))
                self.classes.append(classes[-1])
                continue
            # Nothing inside a function is looked at: on to the first line that is indented no more.
            following = _line_up_to(width).search(self._code, at)
            offset = following.start() + 1 if following is not None else len(self._code)
            number = first + self._code.count("\n", at, offset) if following is not None else len(self.lines)
            chunk = Chunk(head[2], owner, line[:width], start, number)
            self.chunks.append(chunk)
            by_name = owner.methods if owner else self.functions
            by_name.setdefault(chunk.name, []).append(chunk)
        for klass in classes:
            klass.end = len(self.lines)
        for chunk in self.chunks:
            chunk.code = "\n".join(self.lines[chunk.start : chunk.end])

    @cached_property
    def top_level(self) -> Chunk:
        """The code in no function, that of classes included, as a chunk of its own, which is not among `chunks`."""
        lines: list[str] = []
        end = 0
        for chunk in self.chunks:
            lines += self.lines[end : chunk.start]
            end = chunk.end
        return Chunk("", None, "", 0, len(self.lines), "\n".join([*lines, *self.lines[end:]]))

    def holding(self, lines: Iterable[int]) -> dict[int, Chunk]:
        """Return the chunk that holds each line (counted from 0); the top level's for what is in no function."""
        found: dict[int, Chunk] = {}
        position = 0
        for line in sorted(lines):
            while position < len(self.chunks) and self.chunks[position].end <= line:
                position += 1
            inside = position < len(self.chunks) and self.chunks[position].start <= line
            found[line] = self.chunks[position] if inside else self.top_level
        return found

    @cached_property
    def by_name(self) -> dict[str, Class]:
        """The classes by name; the last of a name counts, as in Python."""
        return {klass.name: klass for klass in self.classes}

    @cached_property
    def instances(self) -> dict[str, Class]:
        """Variables and attributes that hold an object of a class of this file: made from it, or annotated so."""
        return _instances(self._code, self.by_name)

    def bases_of(self, klass: Class) -> tuple[Class, ...]:
        """Return the classes of this file that a class derives from, nearest first."""
        known = self._bases_by_class.get(klass.name)
        if known is None:
            known = self._bases_by_class[klass.name] = tuple(self._find_bases(klass))
        return known

    def _find_bases(self, klass: Class) -> Iterator[Class]:
        seen = {klass}
        todo = [klass]
        while todo:
            for base in todo.pop(0).bases:
                found = self.by_name.get(base.rpartition(".")[2])
                if found is not None and found not in seen:
                    seen.add(found)
                    todo.append(found)
                    yield found

    @cached_property
    def _derived(self) -> dict[str, list[Class]]:
        """The classes of this file that derive from each."""
        found: dict[str, list[Class]] = {}
        for other in self.classes:
            for base in self.bases_of(other):
                found.setdefault(base.name, []).append(other)
        return found

    def method(self, klass: Class, name: str, inherited_only: bool = False) -> list[Chunk]:
        """Return what a call of a class's method goes to: its own, an inherited one, or those of derived classes.

        An abstract method goes to its implementations.
        """
        own = [] if inherited_only else [klass]
        for holder in (*own, *self.bases_of(klass)):
            found = holder.methods.get(name, [])
            if found and not all(c.is_abstract for c in found):
                return found
        return [
            c
            for other in self._derived.get(klass.name, ())
            for c in other.methods.get(name, [])
            if not inherited_only and not c.is_abstract
        ]

    def called(self, chunk: Chunk) -> list[Chunk]:
        """Return the functions of this file that a chunk calls: `name(`, `self.name(`, `other.name(`, `other(`."""
        known = self._called.get(chunk)
        if known is None:
            known = self._called[chunk] = self._find_called(chunk)
        return known

    @cached_property
    def callers(self) -> dict[Chunk, list[Chunk]]:
        """The functions of this file that call each."""
        found: dict[Chunk, list[Chunk]] = {}
        for chunk in self.chunks:
            for called in self.called(chunk):
                found.setdefault(called, []).append(chunk)
        return found

    def _find_called(self, chunk: Chunk) -> list[Chunk]:
        found = [c for name in chunk.called_names & self.functions.keys() for c in self.functions[name]]
        if chunk.owner is not None:
            found += [c for name in chunk.called_on_self for c in self.method(chunk.owner, name)]
            found += [c for name in chunk.called_on_self for c in self.method(chunk.owner, name, inherited_only=True)]
        if not self.by_name:
            return found
        receivers = {receiver for receiver, _ in chunk.calls}
        used = {self.by_name[n] for n in (chunk.called_names | receivers) & self.by_name.keys()}
        used |= {self.instances[n] for n in receivers & self.instances.keys()}
        for klass in used:
            found += [c for name in chunk.called_attributes for c in self.method(klass, name)]
        for name in (chunk.called_names | chunk.called_attributes) & self.instances.keys():
            found += [c for call in CALLS for c in self.method(self.instances[name], call)]
        return found

    def closure(self, chunks: Iterable[Chunk], wanted: Callable[[Chunk], bool] | None = None) -> set[Chunk]:
        """Return chunks and all they call, directly or not; of what is called only what is wanted."""
        reached: set[Chunk] = set()
        todo = list(chunks)
        while todo:
            chunk = todo.pop()
            if chunk not in reached:
                reached.add(chunk)
                todo += [c for c in self.called(chunk) if c not in reached and (wanted is None or wanted(c))]
        return reached

    def siblings(self, chunk: Chunk) -> list[Chunk]:
        """Return all methods of the class a chunk belongs to."""
        return [c for same in chunk.owner.methods.values() for c in same] if chunk.owner else []
