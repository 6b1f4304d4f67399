"""Counts of the machine's CPUs, which know nothing of affinity and quota."""

from __future__ import annotations

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module

_COUNTS = frozenset(
    {"os.cpu_count", "multiprocessing.cpu_count", "psutil.cpu_count", "torch.multiprocessing.cpu_count"}
)


def host_count(module: Module, value: cst.BaseExpression) -> str | None:
    """Return the call where an expression is the machine's CPU count, plain or with a fallback (`… or 1`)."""
    if isinstance(value, cst.BooleanOperation):
        value = value.left
    if isinstance(value, cst.Call) and len(value.args) == 1 and module.code(value.func) == "int":
        value = value.args[0].value
    if isinstance(value, cst.Name):
        function = module.function_of(value)
        bound = [
            a.value
            for a in module.nodes(cst.Assign, within=function or module.tree)
            if any(isinstance(t.target, cst.Name) and t.target.value == value.value for t in a.targets)
        ]
        if len(bound) != 1 or isinstance(bound[0], cst.Name):
            return None
        return host_count(module, bound[0])
    if isinstance(value, cst.Call) and module.qualified(value.func) in _COUNTS:
        return module.code(value)
    return None
