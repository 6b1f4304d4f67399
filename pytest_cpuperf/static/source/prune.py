"""Cutting a file down to what its rules will ask about, before libcst parses it.

libcst parses under 1 MB/s. Of a large file only the functions that hold a live trigger matter, with the functions of
the same file that they call. The others become `def name(): pass`, and lines without code go; a table keeps the
numbers of the lines that stay. Anything the cut gets wrong leaves text that does not parse, and then the whole file is
parsed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_cpuperf.static.source.chunks import Chunk, Class
from pytest_cpuperf.static.source.outline import Outline
from pytest_cpuperf.static.source.patterns import pattern

_CALLS = pattern(r"[\w\])][ \t]*\(")
_IS_PROPERTY = pattern(r"(?:[ \t]*@[^\n]*\n)*?[ \t]*@[ \t]*[\w.]*(?:property|setter)\b")
_LONG_LITERAL = 200
# `NAME = <data>` on one line of the module's own level; a generated file has thousands.
_CONSTANT = pattern(r"([A-Za-z_]\w*)[ \t]*(?::[^=\n]*)?=(?!=)([^\n]*)")
_MANY_CONSTANTS = 2000
_WORD = pattern(r"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Pruned:
    """What is left of a text, without lines that hold no code."""

    text: str
    lines: tuple[int, ...]
    """The number, from 1, that each line has in the whole text."""


def prune(text: str, outline: Outline, kept: set[Chunk] | None, triggers: set[int]) -> Pruned:
    """Return the text with all functions that are not kept, and all classes that hold nothing kept, made stubs.

    A stub stands on the first line of what it replaces. `kept` is None for all functions and classes. `triggers` are
    lines (counted from 0) of triggers that stand in no function: these stay.
    """
    both = zip(text.split("\n"), outline.lines, strict=True)
    lines: list[str | None] = [line if code.strip() else None for line, code in both]
    if kept is not None:
        _stub_others(lines, outline, kept)
    _drop_long_literals(lines, outline.lines, triggers)
    _drop_constants(lines, outline.lines, triggers)
    left = [(number, line) for number, line in enumerate(lines, start=1) if line is not None]
    return Pruned("".join(f"{line}\n" for _, line in left), tuple(number for number, _ in left))


def _stub_others(lines: list[str | None], outline: Outline, kept: set[Chunk]) -> None:
    # A call of a method that is cut away must still be seen to go to a function of this file.
    called = {c for chunk in kept for c in outline.called(chunk)}
    needed = {owner for chunk in kept | called for owner in _owners(chunk.owner)}
    for chunk in outline.chunks:
        if chunk not in kept and (chunk.owner is None or chunk.owner in needed):
            # What a property returns is called, not the property.
            decorators = [f"{chunk.indent}@property"] if _IS_PROPERTY.match(chunk.code) else []
            _stub(lines, chunk, *decorators, f"{chunk.indent}def {chunk.name}(): pass")
    for klass in outline.classes:
        if klass not in needed and (klass.outer is None or klass.outer in needed):
            _stub(lines, klass, f"{klass.indent}class {klass.name}: pass")


def _drop_long_literals(lines: list[str | None], code: list[str], triggers: set[int]) -> None:
    """Empty the long lists and tables of a module's own level: data that was generated, in which nothing is called."""
    start: int | None = None
    for number, line in enumerate(code):
        if not line or line[0] in " \t\r":
            continue
        if start is not None and number - start > _LONG_LITERAL and line[0] in ")]}":
            inside = range(start + 1, number)
            if not any(_CALLS.search(code[n]) for n in inside) and triggers.isdisjoint(inside):
                lines[start + 1 : number] = [None] * len(inside)
        start = number if line.rstrip().endswith(("(", "[", "{")) else None


def _drop_constants(lines: list[str | None], code: list[str], triggers: set[int]) -> None:
    """Empty the module's own one-line constants that nothing left mentions, where a file has thousands of them."""
    if len(code) < _MANY_CONSTANTS:
        return
    constants: dict[int, str] = {}
    for number, line in enumerate(code):
        if lines[number] is None or not line or line[0] in " \t" or number in triggers:
            continue
        found = _CONSTANT.fullmatch(line)
        if found is not None and not _CALLS.search(found[2]) and _is_closed(found[2]):
            constants[number] = found[1]
    if len(constants) < _MANY_CONSTANTS:
        return
    rest = (line for number, line in enumerate(code) if lines[number] is not None and number not in constants)
    named = {word for line in rest for word in _WORD.findall(line)}
    dropped = dict(constants)
    while wanted := [number for number, name in dropped.items() if name in named]:
        for number in wanted:  # what is left is made of others
            del dropped[number]
            named.update(_WORD.findall(code[number]))
    for number in dropped:
        lines[number] = None


def _is_closed(value: str) -> bool:
    """Return whether a line's value ends on it: its brackets are closed, and no backslash goes on."""
    if value.rstrip().endswith("\\") or value.count('"') % 2 or value.count("'") % 2:
        return False
    return all(value.count(left) == value.count(right) for left, right in ("()", "[]", "{}"))


def _owners(klass: Class | None) -> Iterator[Class]:
    while klass is not None:
        yield klass
        klass = klass.outer


def _stub(lines: list[str | None], piece: Chunk | Class, *stub: str) -> None:
    lines[piece.start : piece.end] = [*stub, *[None] * (piece.end - piece.start - len(stub))]
