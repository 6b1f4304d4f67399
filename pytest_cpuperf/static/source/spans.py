"""Places in files."""

from __future__ import annotations

from typing import NamedTuple


class Span(NamedTuple):
    """A place in a file that has no syntax tree. Lines and columns count from 1; the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int
