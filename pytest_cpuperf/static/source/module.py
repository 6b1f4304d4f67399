"""A parsed source file that rules ask: what is inside this, what is this name, who encloses it, where is it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.names import dotted
from pytest_cpuperf.static.source.parse import parse
from pytest_cpuperf.static.source.positions import PlacedNodes


class Module(PlacedNodes):
    """One parsed file, or what `prune` left of it. Raises SourceError where it cannot be parsed.

    What rules ask about the whole file is in `facts`, which are read from its full text.
    """

    def __init__(self, text: str, facts: Facts | None = None, lines: Sequence[int] = ()) -> None:
        """Parse a text; `lines` are the numbers its lines have in the whole file, where some were left out."""
        super().__init__(parse(text), text, lines)
        self.facts = facts or Facts(text)

    def function_of(self, node: cst.CSTNode) -> cst.FunctionDef | None:
        """Return the function whose body or head holds a node; a decorator belongs to the function it decorates."""
        return self.around(node, cst.FunctionDef)

    def class_of(self, node: cst.CSTNode) -> cst.ClassDef | None:
        """Return the innermost class around a node."""
        return self.around(node, cst.ClassDef)

    @cached_property
    def functions(self) -> dict[str, list[cst.FunctionDef]]:
        """All functions and methods of the file by name."""
        found: dict[str, list[cst.FunctionDef]] = {}
        for function in self.nodes(cst.FunctionDef):
            found.setdefault(function.name.value, []).append(function)
        return found

    @cached_property
    def _names(self) -> dict[str, list[cst.Name]]:
        found: dict[str, list[cst.Name]] = {}
        for name in self.nodes(cst.Name):
            found.setdefault(name.value, []).append(name)
        return found

    def named(self, value: str, within: cst.CSTNode) -> list[cst.Name]:
        """Return the nodes inside a node that are a name: variables, attributes and keywords, in source order."""
        return self.those_within(self._names.get(value, []), within)

    def named_after(self, value: str, node: cst.CSTNode, within: cst.CSTNode) -> list[cst.Name]:
        """Return the nodes inside a node, and after another, that are a name, in source order."""
        return self.those_after(self.named(value, within), node)

    @property
    def imports(self) -> dict[str, str]:
        """What each imported name of the file stands for."""
        return self.facts.imports

    def qualified(self, node: cst.BaseExpression | cst.CSTNode) -> str | None:
        """Return what a name or attribute stands for through the file's imports: `t.no_grad` → `torch.no_grad`."""
        name = dotted(node)
        if name is None:
            return None
        return self.facts.full_name(name)

    def is_imported(self, node: cst.CSTNode) -> bool:
        """Return whether a name's first part was imported, or holds something that was."""
        name = dotted(node)
        return name is not None and self.facts.imported.stands_for(name)
