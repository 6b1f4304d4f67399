"""Patterns of .gitignore files, read as git reads them: gitignore(5), and `dir.c` and `wildmatch.c` of its source.

Our own code, for the library for it (pathspec) lets `!*/` take back whole trees, and refuses lines that git steps
over. The tests hold it against `git check-ignore`.
"""

from __future__ import annotations

import os
import re
import string
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

_BOM = b"\xef\xbb\xbf"
_SPECIAL = b"*?[\\"
_NOTHING = b"(?!)"
_ONE_STAR = b"[^/]*?"
# A star takes as little as what stands between it and the next one allows, `**` as what stands up to the next `**`. No
# other way would match more, and trying them all takes exponential time.
_ONCE = b"(?>%b)" if sys.version_info >= (3, 11) else b"(?:%b)"
_SLASH = ord("/")
_PRINTED = string.digits + string.ascii_letters + string.punctuation
_CLASSES = {
    name: frozenset(characters.encode())
    for name, characters in {
        "alnum": string.digits + string.ascii_letters,
        "alpha": string.ascii_letters,
        "blank": " \t",
        "cntrl": "".join(map(chr, range(32))) + "\x7f",
        "digit": string.digits,
        "graph": _PRINTED,
        "lower": string.ascii_lowercase,
        "print": _PRINTED + " ",
        "punct": string.punctuation,
        "space": " \t\n\r\v\f",
        "upper": string.ascii_uppercase,
        "xdigit": string.hexdigits,
    }.items()
}


@dataclass(frozen=True)
class _Pattern:
    """One line."""

    expression: bytes
    """A regular expression for the whole path, relative to the folder of the file."""
    ignores: bool
    """False for `!pattern`, which takes back."""
    folders_only: bool


class IgnorePatterns:
    """The patterns of one file, or of a setting that is written as one. The last that matches a path decides."""

    def __init__(self, lines: Iterable[bytes | str]) -> None:
        encoded = (line if isinstance(line, bytes) else os.fsencode(line) for line in lines)
        self._patterns = [p for line in encoded if (p := _pattern(line)) is not None]

    @classmethod
    def of_file(cls, data: bytes) -> IgnorePatterns:
        """Return the patterns of a .gitignore file's bytes."""
        lines = data.removeprefix(_BOM).split(b"\n")
        return cls(line.removesuffix(b"\r") for line in lines)

    def verdict(self, path: str, is_folder: bool) -> bool | None:
        """Return whether a path itself is ignored (True) or taken back (False); None where no pattern matches it.

        Folders above it are not asked for: who walks down has asked before.
        """
        match = (self._for_folders if is_folder else self._for_files).fullmatch(os.fsencode(path))
        return None if match is None else self._patterns[int(str(match.lastgroup)[1:])].ignores

    def ignore(self, path: str, is_folder: bool = False) -> bool:
        """Return whether a path is ignored, or a folder above it."""
        parts = path.split("/")
        folders = ("/".join(parts[:n]) for n in range(1, len(parts)) if parts[n - 1])
        return any(self.verdict(folder, True) for folder in folders) or bool(self.verdict(path, is_folder))

    @cached_property
    def _for_folders(self) -> re.Pattern[bytes]:
        return self._compiled(folders=True)

    @cached_property
    def _for_files(self) -> re.Pattern[bytes]:
        return self._compiled(folders=False)

    def _compiled(self, folders: bool) -> re.Pattern[bytes]:
        """Return one expression for all patterns, the last first; the group that matched names the pattern."""
        applying = [(n, p) for n, p in enumerate(self._patterns) if folders or not p.folders_only]
        named = [b"(?P<p%d>%b)" % (number, pattern.expression) for number, pattern in reversed(applying)]
        return re.compile(b"|".join(named) or _NOTHING, re.DOTALL)


def _pattern(line: bytes) -> _Pattern | None:
    """Return a line's pattern; None for one that holds none."""
    if line.startswith(b"#"):
        return None
    line = _without_trailing_spaces(line)
    ignores = not line.startswith(b"!")
    text = line if ignores else line[1:]
    folders_only = text.endswith(b"/")
    text = text[:-1] if folders_only else text
    if not text:
        return None
    if b"/" not in text:  # a name, in any folder
        return _Pattern(b"(?:.*/)?" + _expression(text), ignores, folders_only)
    text = text.removeprefix(b"/")
    # As git does it, what stands before the first wildcard is compared first; `**` may then begin the rest.
    plain = next((i for i, c in enumerate(text) if c in _SPECIAL), len(text))
    return _Pattern(re.escape(text[:plain]) + _expression(text[plain:]), ignores, folders_only)


def _without_trailing_spaces(line: bytes) -> bytes:
    """Return a line without the spaces at its end; one after a backslash stays."""
    kept = line.rstrip(b" ")
    backslashes = len(kept) - len(kept.rstrip(b"\\"))
    return kept + b" " if backslashes % 2 and len(kept) < len(line) else kept


def _expression(glob: bytes) -> bytes:
    """Return a glob as a regular expression; one that matches nothing where the glob is malformed."""
    parts = [[b""]]  # a part begins with `**`, a piece of it with `*`
    at = 0
    while at < len(glob):
        character = glob[at : at + 1]
        if character == b"*":
            star, at = _star(glob, at)
            if star == _ONE_STAR:
                parts[-1].append(star)
            else:
                parts.append([star])
            continue
        if character == b"[":
            bracket, at = _bracket(glob, at + 1)
            if bracket is None:
                return _NOTHING
            parts[-1][-1] += bracket
            continue
        if character == b"\\":
            at += 1
            character = glob[at : at + 1]
            if not character:
                return _NOTHING
            parts[-1][-1] += re.escape(character)
        else:
            parts[-1][-1] += b"[^/]" if character == b"?" else re.escape(character)
        at += 1
    *earlier, (head, *pieces) = parts
    once = [_ONCE % b"".join((first, *(_ONCE % piece for piece in rest))) for first, *rest in earlier]
    return b"".join((*once, head, *(_ONCE % piece for piece in pieces[:-1]), *pieces[-1:]))


def _star(glob: bytes, at: int) -> tuple[bytes, int]:
    """Return what the stars that begin at an offset match, and the offset after them."""
    end = at
    while glob[end : end + 1] == b"*":
        end += 1
    begins = at == 0 or glob[at - 1] == _SLASH
    if end - at > 1 and begins:
        if end == len(glob):
            return b".*?", end
        if glob[end] == _SLASH:
            return b"(?:.*?/)??", end + 1
        if glob[end : end + 2] == b"\\/":
            return b".*?", end
    return _ONE_STAR, end


def _bracket(glob: bytes, at: int) -> tuple[bytes | None, int]:
    """Return a bracket expression that begins before an offset, and the offset after it; None for a malformed one."""
    negated = glob[at : at + 1] in (b"!", b"^")
    at += negated
    members: set[int] = set()
    before: int | None = None  # what a range may begin with
    first = True
    while first or glob[at : at + 1] != b"]":
        first = False
        character = glob[at : at + 1]
        if not character:
            return None, at
        if character == b"-" and before is not None and glob[at + 1 : at + 2] not in (b"", b"]"):
            at += 2 if glob[at + 1 : at + 2] == b"\\" else 1
            if at >= len(glob):
                return None, at
            members.update(range(before, glob[at] + 1))
            before = None
        elif character == b"[" and glob[at + 1 : at + 2] == b":":
            end = glob.find(b"]", at + 2)
            if end < 0:
                return None, at
            if end > at + 2 and glob[end - 1 : end] == b":":
                named = _CLASSES.get(glob[at + 2 : end - 1].decode("latin-1"))
                if named is None:
                    return None, at
                members |= named
                at, before = end, None
            else:
                members.add(glob[at])
                before = glob[at]
        else:
            at += character == b"\\"
            if at >= len(glob):
                return None, at
            members.add(glob[at])
            before = glob[at]
        at += 1
    allowed = (set(range(256)) - members if negated else members) - {_SLASH}
    return (b"[" + b"".join(b"\\x%02x" % n for n in sorted(allowed)) + b"]" if allowed else _NOTHING), at + 1
