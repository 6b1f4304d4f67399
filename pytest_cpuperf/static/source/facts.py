"""What a whole file says, read from its text: imports, and the names it treats as modules.

These are asked for wherever a rule looks, so they must not depend on which functions of the file were parsed.
"""

from __future__ import annotations

import bisect
import re
import warnings
from collections.abc import Callable
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from pytest_cpuperf.static.source.edits import LINE_END
from pytest_cpuperf.static.source.imports import Imports, may_be_import
from pytest_cpuperf.static.source.live import code_only, matches
from pytest_cpuperf.static.source.neighbours import NOWHERE, Neighbours
from pytest_cpuperf.static.source.outline import Outline

if TYPE_CHECKING:
    import symtable


class Facts:
    """Facts of one file; each is found when first asked for."""

    def __init__(self, text: str, neighbours: Neighbours = NOWHERE) -> None:
        self.text = text
        self.neighbours = neighbours
        self._full_names: dict[str, str] = {}

    @cached_property
    def code(self) -> str:
        """The text with strings and comments blanked."""
        code = code_only(self.text)
        # Lines may end in a carriage return alone; here they end in what is looked for.
        return re.sub(r"\r(?!\n)", "\n", code) if "\r" in code else code

    def live_matches(self, pattern: str, wanted: Callable[[int], bool] | None = None) -> list[int]:
        """Return where a pattern matches in the text, its first character outside strings and comments.

        What is not wanted is left out before strings are looked for, which costs more than most questions.
        """
        found = matches(pattern, self.text)
        if wanted is not None:
            found = [offset for offset in found if wanted(offset)]
        # Asked only where there is something to ask: most files hold a rule's trigger in no such form.
        return [offset for offset in found if self.code[offset] == self.text[offset]] if found else []

    def may_rename(self, names: frozenset[str]) -> bool:
        """Return whether the file may import or keep something of these names under another. Errs towards True."""
        return any(matches(rf"{name}(?:\s+as\b|[ \t]*(?:[\n\r;#]|$|if\b))", self.text) for name in names)

    @cached_property
    def lines(self) -> list[str]:
        """The text's lines, as an outline counts them."""
        return self.text.split("\n")

    @cached_property
    def _line_ends(self) -> list[int]:
        return [end - 1 for end in accumulate(len(line) + 1 for line in self.lines)]

    def line_of(self, offset: int) -> int:
        """Return the line, counted from 0, that a place in the text is on."""
        return bisect.bisect_left(self._line_ends, offset)

    @property
    def line_end(self) -> str:
        """How lines end in this file."""
        found = LINE_END.search(self.text)
        return found.group() if found else "\n"

    @cached_property
    def imported(self) -> Imports:
        """What the names of the file stand for."""
        return Imports(self.text, self.code)

    @property
    def imports(self) -> dict[str, str]:
        """What each imported name stands for: `t` is `torch`, `ng` is `torch.no_grad`. All scopes together."""
        return self.imported.names

    def is_import(self, offset: int) -> bool:
        """Return whether an offset of the text lies in an import statement."""
        return may_be_import(self.code, offset) and self.imported.is_import(offset)

    @cached_property
    def symbols(self) -> symtable.SymbolTable | None:
        """The names of each scope, as Python's compiler sees them; None where it does not take the file."""
        import symtable  # few files have a fix that asks

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the user's code, and theirs to see
                return symtable.symtable(self.text, "<source>", "exec")
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None

    @cached_property
    def outline(self) -> Outline:
        """The file's functions and classes."""
        return Outline(self.code)

    def full_name(self, name: str) -> str:
        """Return what a dotted name stands for through the imports: `t.no_grad` is `torch.no_grad`."""
        known = self._full_names.get(name)
        if known is None:
            known = self._full_names[name] = self.imported.full_name(name)
        return known

    def made_from(self, name: str) -> str:
        """Return what a variable or attribute is first bound to in this file, as one line of text; '' for nothing."""
        match = re.search(rf"(?<!\w){re.escape(name)}\s*(?::[^=\n]+)?=(?!=)\s*([^\n]+)", self.code)
        return self.text[match.start(1) : match.end(1)] if match else ""
