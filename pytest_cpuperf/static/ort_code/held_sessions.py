"""What keeps a session of onnxruntime: a name, an attribute, a list, an object; or nothing but what it gives."""

from __future__ import annotations

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import dotted, last_name

Keeper = cst.Assign | cst.AnnAssign | cst.Return | cst.ListComp | cst.DictComp | cst.Call
"""An assignment, a `return`, a comprehension, or the call of `append` or `setattr`."""


def kept_by(module: Module, node: cst.CSTNode) -> Keeper | None:
    """Return what keeps a session itself, or in a pair, a list or an object.

    None where only what the session gives is kept: `InferenceSession(path).run(…)`, `measure(session)`.
    """
    for parent in module.parents(node):
        if isinstance(parent, (cst.Attribute, cst.SimpleStatementLine)):
            return None
        if isinstance(parent, cst.Call):
            if last_name(parent.func) in ("append", "setattr"):
                return parent
            if not _builds_object(parent):
                return None
        if isinstance(parent, (cst.Assign, cst.AnnAssign, cst.Return, cst.ListComp, cst.DictComp)):
            return parent
    return None


def _builds_object(call: cst.Call) -> bool:
    """Return whether a call builds an object: of a class, or by a class's method (`Reader.of(session)`)."""
    parts = (dotted(call.func) or "").split(".")
    return any(part == "cls" or part.lstrip("_")[:1].isupper() for part in parts)
