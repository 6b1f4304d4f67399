"""What the names of a file stand for: its imports, wherever on a line they stand, and modules kept as values.

Read from the text with strings and comments blanked, so that it does not depend on which functions were parsed.
"""

from __future__ import annotations

import bisect
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from typing import NamedTuple

from pytest_cpuperf.static.source.edits import line_starts
from pytest_cpuperf.static.source.patterns import pattern

# They begin with a literal, which the regular expression engine looks for quickly; what stands before is read back.
_FROM = pattern(r"from(?<![\w.]from)[ \t]+([.\w]+)[ \t]+import\b[ \t]*(\([^)]*\)|(?:[^\n;\\]|\\\r?\n)+)")
_IMPORT = pattern(r"import(?<![\w.]import)[ \t]+((?:[^\n;\\]|\\\r?\n)+)")
_ALIAS = pattern(r"([.\w]+|\*)(?:\s+as\s+(\w+))?")

# `import_module("torch")`, `__import__("torch")`, `LazyLoader("torch", …)`: a call that imports what it names.
_BY_NAME = pattern(
    r"""(?:import_module|__import__|importorskip|optional_import|(?:lazy|Lazy)\w*)[ \t]*\(\s*"""
    r"""(?:["'][\w.]*["']\s*,\s*(?:globals\(\)\s*,\s*)?)?["']([A-Za-z_][\w.]*)["']"""
)
_BY_NAME_WORDS = ("import_module", "__import__", "importorskip", "optional_import", "lazy", "Lazy")
_TARGET_BEFORE = pattern(r"([A-Za-z_][\w.]*)[ \t]*(?:,[ \t]*\w+[ \t]*)?(?::[^=\n]+)?=[ \t]*[\w.]*$")
_KEPT_AS = pattern(r"(?:^|[;:])[ \t]*([A-Za-z_][\w.]*)[ \t]*(?::[^=\n]+)?=[ \t]*$")
# An attribute of it, perhaps, and nothing after that.
_WHOLE_VALUE = r"(?!\w)((?:\.\w+)*)[ \t]*(?=[\n;]|$|if\b)"

# A variable or attribute of this name, wherever it came from, is that library: `torch = Library().torch()`.
_LIBRARIES = ("torch", "onnxruntime")
_KEPT_OF = ("torch", "onnxruntime", "os")
# What `from torch import *` brings, as far as rules ask.
_STARRED = {
    "torch": ("no_grad", "inference_mode", "set_grad_enabled", "compile", "autocast", "jit", "nn", "quantization"),
    "onnxruntime": ("InferenceSession", "SessionOptions", "ExecutionMode", "GraphOptimizationLevel"),
}


class Binding(NamedTuple):
    """A name that an import statement binds."""

    name: str
    full: str
    """What it stands for."""
    line: int
    """The line of the file, from 1, that the statement begins on."""
    indent: str | None
    """What stands before the statement on its line; None for more than white space."""


class _Spans:
    """Pieces of a text that do not overlap."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        self._spans = sorted(spans)

    def hold(self, offset: int) -> bool:
        """Return whether an offset lies in one of them."""
        at = bisect.bisect_right(self._spans, (offset, sys.maxsize)) - 1
        return at >= 0 and offset < self._spans[at][1]


class Imports:
    """The imports of one file, all scopes together."""

    def __init__(self, text: str, code: str) -> None:
        """`code` is the text with strings and comments blanked."""
        self._froms = [m for m in _FROM.finditer(code) if not _is_yielded(code, m.start())]
        froms = _Spans(m.span() for m in self._froms)
        self._plain = [m for m in _IMPORT.finditer(code) if not froms.hold(m.start())]
        self._spans = _Spans(m.span() for m in (*self._froms, *self._plain))
        self._code = code
        self._packages = tuple(
            {p for m in self._froms for p in _own_packages(m[1])}
            | {p for m in self._plain for full, _ in _ALIAS.findall(m[1]) for p in _own_packages(full)}
        )
        """Packages of others that have the name of a library inside: `quark.torch`, `optimum.onnxruntime`."""
        self.names = {name: full for name, full, _ in self._imported()}
        """What each imported name stands for: `t` is `torch`, `ng` is `torch.no_grad`."""
        self.kept = dict(self._kept(text, code))
        """What variables and attributes that hold a module, or something of one, stand for: `self.torch` is `torch`."""

    def _imported(self) -> Iterator[tuple[str, str, int]]:
        """Yield (name, what it stands for, where the statement begins)."""
        for match in self._plain:
            for full, alias in _ALIAS.findall(match[1]):
                first = full.split(".")[0]
                yield (alias, full, match.start()) if alias else (first, first, match.start())
        for match in self._froms:
            for name, alias in _ALIAS.findall(match[2]):
                if name == "*":
                    known = _STARRED.get(match[1], ())
                    yield from ((one, f"{match[1]}.{one}", match.start()) for one in known)
                else:
                    yield alias or name, f"{match[1]}.{name}", match.start()

    def bindings(self, name: str) -> list[Binding]:
        """Return the import statements that bind a name, in whichever scope."""
        return self._bindings.get(name, [])

    @cached_property
    def _bindings(self) -> dict[str, list[Binding]]:
        starts = line_starts(self._code)
        found: dict[str, list[Binding]] = {}
        for name, full, offset in self._imported():
            line = bisect.bisect_right(starts, offset)
            before = self._code[starts[line - 1] : offset]
            found.setdefault(name, []).append(Binding(name, full, line, None if before.strip() else before))
        return found

    def _kept(self, text: str, code: str) -> Iterator[tuple[str, str]]:
        by_name = _BY_NAME.finditer(text) if any(word in text for word in _BY_NAME_WORDS) else ()
        for match in by_name:
            start = match.start()
            if code[start] == text[start]:
                line_start = code.rfind("\n", 0, start) + 1
                target = _TARGET_BEFORE.search(code, line_start, start)
                if target is not None:
                    yield target[1], match[1]
        held = {name: full for name, full in self.names.items() if full.partition(".")[0] in _KEPT_OF}
        for match in _assigned(frozenset(held)).finditer(code) if held else ():
            line_start = code.rfind("\n", 0, match.start()) + 1
            target = _KEPT_AS.search(code[line_start : match.start(1)])
            if target is not None and target[1] != f"{match[1]}{match[2]}":
                yield target[1], f"{held[match[1]]}{match[2]}"

    def is_import(self, offset: int) -> bool:
        """Return whether an offset of the text lies in an import statement."""
        return self._spans.hold(offset)

    def full_name(self, name: str) -> str:
        """Return what a dotted name stands for: `t.no_grad` is `torch.no_grad`, and so is `self.torch.no_grad`."""
        full = self._of_kept(name) if self.kept else None
        if full is None:
            first, dot, rest = name.partition(".")
            full = f"{self.names.get(first, first)}{dot}{rest}"
        if self._packages and f"{full}.".startswith(self._packages):
            return full
        for library in _LIBRARIES:
            if library in full:
                at = f"{full}.".find(f".{library}.")
                if at >= 0:
                    full = full[at + 1 :]  # `compat.torch`, `self.torch`: handed on by another module
        return full

    def _of_kept(self, name: str) -> str | None:
        """Return what a name stands for that begins with a variable or attribute that is kept; None for all others."""
        end = len(name)
        while end > 0:
            held = self.kept.get(name[:end])
            if held is not None:
                return f"{held}{name[end:]}"
            end = name.rfind(".", 0, end)
        return None

    def stands_for(self, name: str) -> bool:
        """Return whether a dotted name begins with an import, or with a value that holds one."""
        first = name.partition(".")[0]
        return first in self.names or first in _LIBRARIES or self.full_name(name) != name

    def aliases(self, names: frozenset[str]) -> set[str]:
        """Return the identifiers under which something of one of some last names is used: `no_grad as ng`."""
        both = (*self.names.items(), *self.kept.items())
        found = {local.rpartition(".")[2] for local, full in both if full.rpartition(".")[2] in names}
        return found - names


@lru_cache(maxsize=64)  # files of a project import much the same
def _assigned(names: frozenset[str]) -> re.Pattern[str]:
    """Return what finds where one of some names, or an attribute of it, is bound to another."""
    return re.compile(rf"= ?({'|'.join(sorted(names))}){_WHOLE_VALUE}")


def may_be_import(code: str, offset: int) -> bool:
    """Return whether an offset may lie in an import statement. Errs towards True, and asks little of the text.

    A statement goes on over lines in brackets, or after a backslash.
    """
    line_start = code.rfind("\n", 0, offset) + 1
    line_end = code.find("\n", offset)
    if code.find("import", line_start, line_end if line_end >= 0 else len(code)) >= 0:
        return True
    at = code.rfind("import", 0, line_start)
    return at >= 0 and (code.find(")", at, offset) < 0 or code.find("\\", at, offset) >= 0)


def _own_packages(module: str) -> Iterator[str]:
    """Yield the package of an imported module that has a library's name and is inside another package."""
    first, _, rest = module.partition(".")
    for library in _LIBRARIES:
        if first and library in rest.split("."):
            yield f"{module[: f'{module}.'.index(f'.{library}.')]}.{library}."


def _is_yielded(code: str, offset: int) -> bool:
    """Return whether a `from` belongs to `yield` or `raise`, which import nothing."""
    return code[max(0, offset - 6) : offset].rstrip().endswith("yield")
