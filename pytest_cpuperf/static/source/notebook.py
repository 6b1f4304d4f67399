"""Jupyter notebooks as one Python source, cell after cell, with magics stepped over."""

from __future__ import annotations

import bisect
import json
from dataclasses import dataclass

from pytest_cpuperf.static.source.edits import lines_of
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.source.text import SourceError

# What IPython takes at the beginning of a statement: magics, shell commands, help, calls without brackets.
_MAGIC = pattern(r"[ \t]*[%!?,;/]|[^\"'#\n]*\?[ \t]*$")
_ASSIGNED_MAGIC = pattern(r"([ \t]*[\w.,*()\[\] \t]+=[ \t]*)[%!].*")
# What the first line that holds something is indented by; IPython takes it away from all lines that begin with it.
_INDENT = pattern(r"(?:[ \t]*(?:\r\n|\r|\n))*([ \t]*)")
# What says where a statement ends: strings, comments, brackets, a backslash.
_STRING = r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'"
_TOKEN = pattern(rf"\"\"\"|'''|{_STRING}|#.*|[(\[{{]|[)\]}}]|\\$")
_ENDS = {quotes: pattern(rf"(?:[^\\]|\\.)*?{quotes}") for quotes in ('"""', "'''")}


@dataclass(frozen=True)
class Notebook:
    """The code cells of a notebook as one text."""

    text: str
    cells: tuple[int, ...]
    """The number of each code cell among all cells, from 1."""
    starts: tuple[int, ...]
    """The line of the text, from 1, on which each code cell begins."""
    indents: dict[int, int]
    """How many blanks IPython takes away from the beginning of a line of the text; 0 for those that are not here."""

    def locate(self, line: int) -> tuple[int, int]:
        """Return (cell, line within the cell) for a line of the text; all count from 1."""
        i = max(0, bisect.bisect_right(self.starts, line) - 1)
        return self.cells[i], line - self.starts[i] + 1


def read_notebook(data: bytes) -> Notebook:
    """Return a notebook's code. Raises SourceError for what is no notebook."""
    try:
        document = json.loads(data.decode("utf-8"))
        cells = document["cells"] if "cells" in document else document["worksheets"][0]["cells"]
        sources = [
            (number, _source(cell))
            for number, cell in enumerate(cells, start=1)
            if cell.get("cell_type") == "code" and _is_python(cell)
        ]
    except UnicodeDecodeError as error:
        raise SourceError(f"not valid UTF-8: byte {error.start} cannot be decoded") from None
    except json.JSONDecodeError as error:
        raise SourceError(f"not a notebook: {error.msg}", error.lineno) from None
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError):  # ValueError: endless numbers
        raise SourceError("not a notebook: expected JSON with a list of cells") from None
    lines: list[str] = []
    starts = []
    indents: dict[int, int] = {}
    for _, source in sources:
        starts.append(len(lines) + 1)
        written = lines_of(source)
        found = _INDENT.match(source)
        indent = found[1] if found is not None else ""
        if indent:
            indents |= {n: len(indent) for n, line in enumerate(written, starts[-1]) if line.startswith(indent)}
            written = [line.removeprefix(indent) for line in written]
        lines += _without_magics(written)
    return Notebook("\n".join(lines) + "\n", tuple(n for n, _ in sources), tuple(starts), indents)


def _source(cell: dict[str, object]) -> str:
    source = cell.get("source", cell.get("input", ""))
    return "".join(source) if isinstance(source, list) else str(source)


def _is_python(cell: dict[str, object]) -> bool:
    """Return whether a cell is Python: `%%bash` and its like hand the cell to something else."""
    first = _source(cell).lstrip().split("\n", 1)[0]
    return not first.startswith("%%") or first.split()[0] in ("%%time", "%%timeit", "%%capture", "%%prun")


def _without_magics(source: list[str]) -> list[str]:
    """Return a cell's lines with magics and shell lines replaced by what parses and does nothing."""
    lines = []
    statement = _Statement()
    in_magic = False
    for line in source:
        if in_magic:
            in_magic = line.endswith("\\")
            lines.append("")
            continue
        assigned = None if statement.is_open else _ASSIGNED_MAGIC.fullmatch(line)
        if assigned or (not statement.is_open and _MAGIC.match(line)):
            in_magic = line.endswith("\\")
            indent = line[: len(line) - len(line.lstrip())]
            lines.append(f"{assigned[1]}None" if assigned else f"{indent}pass")
        else:
            statement.add(line)
            lines.append(line)
    return lines


class _Statement:
    """The statement that lines belong to: a line is only the beginning of one where the one before it has ended."""

    def __init__(self) -> None:
        self._brackets = 0
        self._quotes: str | None = None
        self._goes_on = False

    @property
    def is_open(self) -> bool:
        """Whether the next line goes on with it."""
        return bool(self._brackets or self._quotes or self._goes_on)

    def add(self, line: str) -> None:
        """Take a line of code."""
        self._goes_on = False
        at = 0
        while at < len(line):
            if self._quotes:
                end = _ENDS[self._quotes].match(line, at)
                if end is None:
                    return
                at, self._quotes = end.end(), None
            token = _TOKEN.search(line, at)
            if token is None:
                return
            at = token.end()
            found = token.group()
            if found in _ENDS:
                self._quotes = found
            elif found in "([{":
                self._brackets += 1
            elif found in ")]}":
                self._brackets = max(0, self._brackets - 1)
            else:
                self._goes_on = found == "\\"
