"""Fixes, pass after pass, until nothing is left to fix: shown as a diff, or written by rename."""

from __future__ import annotations

import difflib
import io
import os
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_cpuperf.results.files import write_bytes
from pytest_cpuperf.results.findings import CheckResult, Fix
from pytest_cpuperf.results.printable import printable_text
from pytest_cpuperf.settings.table import Settings
from pytest_cpuperf.static.check import rules_for, selected_rules
from pytest_cpuperf.static.discover import relative
from pytest_cpuperf.static.file_check import check_source, language_of
from pytest_cpuperf.static.kept import keeps_the_rest
from pytest_cpuperf.static.rules.base import Rule
from pytest_cpuperf.static.source.edits import changed, changes_of
from pytest_cpuperf.static.source.text import SourceError, decode, read_bytes

_MOST_PASSES = 20


@dataclass(frozen=True)
class Fixed:
    """What became of one file."""

    path: Path
    name: str
    """As findings name it."""
    before: bytes
    after: bytes
    applied: int
    encoding: str

    @property
    def diff(self) -> str:
        """The change as a unified diff."""
        old, new = (text.decode(self.encoding).splitlines(keepends=True) for text in (self.before, self.after))
        name = printable_text(self.name)  # one with a line break could add files to a patch
        lines = difflib.unified_diff(old, new, fromfile=f"a/{name}", tofile=f"b/{name}")
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def fix_files(files: Sequence[Path], result: CheckResult, settings: Settings, unsafe: bool) -> Iterator[Fixed]:
    """Yield what fixes make of those of some files that have findings with a fix; nothing is written yet.

    A file in which no fix can be made is among them, as it is.

    Each file is read when it is its turn, so that little time passes until it is written. A name in a finding may
    stand for two files, one of them outside the root: the files decide what is fixed, not the names.
    """
    rules = selected_rules(settings)
    fixable = {f.path for f in result.findings if applies(f.fix, unsafe)}
    for path in _without_links(files):
        name = relative(path, settings.root)
        if name not in fixable:
            continue
        try:
            data = read_bytes(path)
        except SourceError:
            continue  # gone meanwhile: the next check tells
        after, applied, encoding = fix_source(data, name, rules_for(name, rules, settings), unsafe)
        yield Fixed(path, name, data, after, applied, encoding)


def _without_links(files: Sequence[Path]) -> Iterator[Path]:
    """Yield files without the symbolic links to others of them, which are fixed where they are."""
    links = {file for file in files if file.is_symlink()}
    own = {os.path.realpath(file) for file in files if file not in links} if links else set()
    yield from (file for file in files if file not in links or os.path.realpath(file) not in own)


def fix_source(data: bytes, path: str, rules: Sequence[Rule], unsafe: bool) -> tuple[bytes, int, str]:
    """Return a file's bytes with all fixes applied, their number, and the file's encoding.

    All that no fix touches stays as it was, byte for byte, and means what it meant (`keeps_the_rest`). A fix that
    cannot be made so is not made.
    """
    encoding = _encoding(data, path)
    applied = 0
    for _ in range(_MOST_PASSES):
        result = check_source(data, path, rules)
        fixes = [f.fix for f in result.findings if f.fix is not None and applies(f.fix, unsafe)]
        if not fixes or result.errors or data.decode(encoding).encode(encoding) != data:
            break  # the last: an encoding with several spellings of one text, where nothing could be kept as it was
        made = _with_most(data, encoding, path, rules, fixes)
        if made is None:
            break
        data, applied = made[0], applied + made[1]
    return data, applied, encoding


def _with_most(
    data: bytes, encoding: str, path: str, rules: Sequence[Rule], fixes: Sequence[Fix]
) -> tuple[bytes, int] | None:
    """Return a file's bytes with fixes applied, or with some where all together do not hold, and their number."""
    made = _with_fixes(data, encoding, path, rules, fixes)
    if made is not None or len(fixes) == 1:
        return made
    middle = len(fixes) // 2
    halves = fixes[:middle], fixes[middle:]
    return next((m for half in halves if (m := _with_most(data, encoding, path, rules, half)) is not None), None)


def _with_fixes(
    data: bytes, encoding: str, path: str, rules: Sequence[Rule], fixes: Sequence[Fix]
) -> tuple[bytes, int] | None:
    """Return a file's bytes with fixes applied, and their number; None where they change nothing, or too much."""
    text = data.decode(encoding)
    changes, count = changes_of(text, fixes)
    after = changed(text, changes)
    try:
        fixed = after.encode(encoding)
    except UnicodeEncodeError:
        return None
    if fixed == data or _encoding(fixed, path) != encoding:
        return None
    if not keeps_the_rest(text, after, changes, language_of(path)):
        return None
    return None if check_source(fixed, path, rules, thorough=True).errors else (fixed, count)


def write(fixed: Fixed) -> None:
    """Write a fixed file. Raises UsageError where it is a link, cannot be written, or was changed meanwhile."""
    write_bytes(fixed.path, fixed.after, instead_of=fixed.before)


def applies(fix: Fix | None, unsafe: bool) -> bool:
    """Return whether there is a fix that is to be made: a safe one, or any where unsafe ones are wanted."""
    return fix is not None and (unsafe or fix.safety == "safe")


def _encoding(data: bytes, path: str) -> str:
    if path.endswith(".properties"):
        return "latin-1"
    if path.endswith((".yaml", ".yml")):
        return "utf-8"
    try:
        decode(data)
        return tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    except (SourceError, SyntaxError):
        return "utf-8"
