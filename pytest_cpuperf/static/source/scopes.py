"""What a name means at a place, which a fix that writes the name there must know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.imports import Binding
from pytest_cpuperf.static.source.module import Module

if TYPE_CHECKING:
    import symtable

Meaning = Literal["imported", "unbound", "other"]


def meaning(module: Module, name: str, full: str, node: cst.CSTNode) -> Meaning:
    """Return whether a name is the import `full` where a node is run.

    It is `imported` where a statement above, which always runs before, binds it; `unbound` where nothing does, so that
    an import at the top of the file would; `other` where it may be anything else, or where that cannot be told.
    """
    scopes = _scopes(module, node)
    if scopes is None or any(binding.full != full for binding in module.facts.imported.bindings(name)):
        return "other"
    holder = next((scope for scope in scopes if _binds(scope, name)), None)
    if holder is None:
        return "unbound"
    if not _only_imports(holder, name) or any(_binds(inner, name) for inner in _unnamed(scopes[0])):
        return "other"
    if import_above(module, name, node) is not None:
        return "imported"
    # In a function, one at the top of the file would not be seen.
    return "unbound" if holder.get_type() == "module" else "other"


def is_builtin(module: Module, name: str, node: cst.CSTNode) -> bool:
    """Return whether a name is the built-in one where a node is run."""
    scopes = _scopes(module, node)
    return scopes is not None and not any(_binds(scope, name) for scope in (*scopes, *_unnamed(scopes[0])))


def import_above(module: Module, name: str, node: cst.CSTNode) -> Binding | None:
    """Return the import statement above a node that binds a name there, and that no condition stands around."""
    holder = next((scope for scope in _scopes(module, node) or () if _binds(scope, name)), None)
    if holder is None:
        return None
    first, indent = 0, ""
    if holder.get_type() != "module":
        functions = (p for p in module.parents(node) if isinstance(p, cst.FunctionDef))
        function = next((f for f in functions if module.position(f.name).line == holder.get_lineno()), None)
        if function is None:
            return None  # a class
        first = module.position(function.body).line
        indent = module.indentation(first) or ""
    last = module.position(node).line
    bindings = module.facts.imported.bindings(name)
    return next((b for b in bindings if first <= b.line < last and b.indent == indent), None)


def _scopes(module: Module, node: cst.CSTNode) -> list[symtable.SymbolTable] | None:
    """Return the scopes whose names a node sees, innermost first; None where they cannot be told."""
    table = module.facts.symbols
    if table is None:
        return None
    scopes = [table]
    around = [p for p in module.parents(node) if isinstance(p, (cst.FunctionDef, cst.ClassDef))]
    for holder in reversed(around):
        inner = _child(scopes[-1], holder.name.value, module.position(holder.name).line)
        if inner is None:
            return None
        scopes.append(inner)
    innermost = scopes.pop()
    # A function does not see the names of the classes around it.
    return [innermost, *(scope for scope in reversed(scopes) if scope.get_type() != "class")]


def _child(scope: symtable.SymbolTable, name: str, line: int) -> symtable.SymbolTable | None:
    """Return the scope of a function or class; None where there are two, or none."""
    found = [t for t in scope.get_children() if (t.get_name(), t.get_lineno()) == (name, line)]
    if len(found) != 1:
        return None
    # Type parameters (`def f[T]()`) have a scope around the function's.
    return found[0] if found[0].get_type() in ("function", "class") else _child(found[0], name, line)


def _unnamed(scope: symtable.SymbolTable) -> list[symtable.SymbolTable]:
    """Return the lambdas and comprehensions of a scope; which of them is around a node is not told apart."""
    inner = [
        t for t in scope.get_children() if t.get_name() in ("lambda", "genexpr", "listcomp", "setcomp", "dictcomp")
    ]
    return [*inner, *(t for child in inner for t in _unnamed(child))]


def _binds(scope: symtable.SymbolTable, name: str) -> bool:
    if name not in scope.get_identifiers():
        return False
    symbol = scope.lookup(name)
    return symbol.is_assigned() or symbol.is_imported() or symbol.is_parameter() or symbol.is_declared_global()


def _only_imports(scope: symtable.SymbolTable, name: str) -> bool:
    symbol = scope.lookup(name)
    return symbol.is_imported() and not (
        symbol.is_assigned() or symbol.is_parameter() or symbol.is_declared_global() or symbol.is_nonlocal()
    )
