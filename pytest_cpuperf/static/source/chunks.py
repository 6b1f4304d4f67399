"""One function or class of a file, as its text shows it: what it calls, and on what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from pytest_cpuperf.static.source.patterns import pattern

HEAD = pattern(r"(?:async[ \t]+)?(def|class)[ \t]+(\w+)")
_SUBSCRIPT = pattern(r"\[[^\]\n]*\][ \t]*\Z")
_FAR = 80  # characters that a receiver is looked for in, before the dot
# What calls an object's class by the object alone: `model(x)`.
CALLS = ("forward", "__call__")
_DOES_NOTHING = pattern(r"\s*(?:pass|\.\.\.|return|return None|raise\s+NotImplementedError[^\n]*)?\s*;?")
_HEADS = ("def ", "class ")
_KEYWORDS = frozenset(
    ("if", "elif", "while", "return", "and", "or", "not", "in", "is", "for", "assert", "yield", "print")
)


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
    def calls(self) -> frozenset[tuple[str, str]]:
        """What it calls, as (receiver, name): `("model", "encode")`; the receiver of a plain call is empty."""
        return frozenset(_calls(self.code))

    @cached_property
    def called_names(self) -> frozenset[str]:
        """Names it calls plainly: `name(`."""
        return frozenset(name for receiver, name in self.calls if not receiver)

    @cached_property
    def called_on_self(self) -> frozenset[str]:
        """Methods of its own object it calls: `self.name(`, and `forward` by `self(`, as modules do."""
        called = frozenset(name for receiver, name in self.calls if receiver in ("self", "cls", "super"))
        return called | frozenset(CALLS) if "self" in self.called_names else called

    @cached_property
    def called_attributes(self) -> frozenset[str]:
        """What it calls on anything: `….name(`."""
        return frozenset(name for receiver, name in self.calls if receiver)

    @cached_property
    def is_abstract(self) -> bool:
        """Whether it does nothing: others implement it."""
        lines = self.code.split("\n")
        depth = 0
        for number, line in enumerate(lines):
            depth += sum(line.count(c) for c in "([{") - sum(line.count(c) for c in ")]}")
            head = HEAD.match(line.lstrip()) is not None or number > 0
            if head and depth <= 0 and (end := _end_of_head(line)) is not None:
                body = "\n".join([line[end:], *lines[number + 1 :]]).replace('"', "").replace("'", "")
                return all(_DOES_NOTHING.fullmatch(part) for part in body.split("\n"))
        return False


def _calls(code: str) -> Iterator[tuple[str, str]]:
    """Yield what is called, read backwards from each bracket: most of a text is none, and need not be looked at."""
    at = code.find("(")
    while at >= 0:
        end = at
        while end and code[end - 1] in " \t":
            end -= 1
        if end and code[end - 1] == "]":
            subscript = _SUBSCRIPT.search(code, max(0, code.rfind("[", 0, end)), end)
            end = subscript.start() if subscript is not None else end
            while end and code[end - 1] in " \t":
                end -= 1
        start = end
        while start and (code[start - 1].isalnum() or code[start - 1] == "_"):
            start -= 1
        name = code[start:end]
        if name and not name[0].isdigit() and name not in _KEYWORDS and not code.endswith(_HEADS, 0, start):
            yield _receiver(code, start), name
        at = code.find("(", at + 1)


def _receiver(code: str, start: int) -> str:
    """Return the last name of what a called name is an attribute of: `self`, `super`, `?` for no name, '' for none."""
    at = start - 1
    while at >= 0 and code[at] in " \t\n":
        at -= 1
    if at < 0 or code[at] != ".":
        return ""
    at -= 1
    while at >= 0 and code[at] in " \t\n":
        at -= 1
    depth = 0
    least = max(0, start - _FAR)
    while at > least and (depth or code[at] in ")]"):
        depth += (code[at] in ")]") - (code[at] in "([")
        at -= 1
    end = at + 1
    while at >= 0 and (code[at].isalnum() or code[at] == "_"):
        at -= 1
    return code[at + 1 : end] or "?"


def _end_of_head(line: str) -> int | None:
    """Return where a line's body begins, after the colon that ends a function's head; None where it has none."""
    if line.lstrip().startswith("@"):
        return None
    depth = 0
    for offset, character in enumerate(line):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == ":" and depth <= 0:
            return offset + 1
    return None


@dataclass(eq=False)
class Class:
    """A class, its bases as they are written, and its methods by name."""

    name: str
    indent: str
    start: int
    end: int = 0
    outer: Class | None = None
    bases: tuple[str, ...] = ()
    methods: dict[str, list[Chunk]] = field(default_factory=dict)
