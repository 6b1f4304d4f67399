"""Which providers a session runs on, read through names, attributes and the branch that it is built in."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import dotted, string_value

CPU = "CPUExecutionProvider"
# Devices by which code chooses a GPU: the first word of "cuda:0", "tensorrt_fp16".
_GPU_DEVICES = ("cuda", "gpu", "tensorrt", "trt", "rocm", "directml", "dml", "coreml", "mps", "migraphx")


def gpu_only(module: Module, call: cst.Call, providers: cst.BaseExpression | None) -> bool:
    """Return whether a session is seen to run on a GPU: its providers are no CPU's, or its branch is a GPU's."""
    if providers is None:
        return False
    values = list(_values(module, call, providers))
    named = [_names(v) for v in values]
    if named and all(names and None not in names and CPU not in names for names in named):
        return True
    chosen = _chosen_by_branch(module, call, providers)
    if not chosen:
        return False
    # In a GPU's branch the CPU is at most what is fallen back on; the first provider says where it runs.
    return not named or all(not names or names[0] != CPU for names in named)


def _values(module: Module, place: cst.CSTNode, providers: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """Yield what providers may be: a literal, or what their name is bound to in the branch, function, class or file."""
    name = dotted(providers)
    if name is None:
        yield providers
        return
    function, around = module.function_of(place), module.class_of(place)
    if name.startswith(("self.", "cls.")):
        scope: cst.CSTNode = around if around is not None else module.tree
        names = {name, name.partition(".")[2]}
        assigned = [a for a in _assignments(module, scope, names) if _is_of(module, a, around)]
    else:
        assigned = _assignments(module, function, {name}) if function is not None else []
        if function is not None and any(p.name.value == name for p in module.nodes(cst.Param, within=function.params)):
            return
        assigned = _nearest(module, place, assigned) or [
            a for a in _assignments(module, module.tree, {name}) if module.function_of(a) is None
        ]
    for assign in assigned:
        assert assign.value is not None
        yield assign.value


def _assignments(module: Module, scope: cst.CSTNode, names: set[str]) -> list[cst.Assign | cst.AnnAssign]:
    found: list[cst.Assign | cst.AnnAssign] = []
    for assign in module.nodes(cst.Assign, cst.AnnAssign, within=scope):
        targets = [t.target for t in assign.targets] if isinstance(assign, cst.Assign) else [assign.target]
        if assign.value is not None and names & {dotted(t) for t in targets}:
            found.append(assign)
    return found


def _is_of(module: Module, assign: cst.CSTNode, around: cst.ClassDef | None) -> bool:
    return module.class_of(assign) is around


def _nearest(
    module: Module, place: cst.CSTNode, assigned: list[cst.Assign | cst.AnnAssign]
) -> list[cst.Assign | cst.AnnAssign]:
    """Return the assignments of the innermost block around a place that has some before it; else all of them."""
    for parent in module.parents(place):
        if isinstance(parent, cst.IndentedBlock):
            here = [a for a in assigned if module.parent(module.parent(a) or a) is parent]
            before = [a for a in here if module.is_after(place, a)]
            if before:
                return before[-1:]
    return assigned


def _names(value: cst.BaseExpression) -> list[str | None]:
    """Return the providers of a list or tuple, in order; None for one that is not written out."""
    if not isinstance(value, (cst.List, cst.Tuple)) or not value.elements:
        return [None]
    names = []
    for element in value.elements:
        entry: cst.BaseExpression = element.value
        if isinstance(entry, cst.Tuple) and entry.elements:
            entry = entry.elements[0].value  # ("CUDAExecutionProvider", {…})
        names.append(string_value(entry))
    return names


def _chosen_by_branch(module: Module, call: cst.Call, providers: cst.BaseExpression) -> bool:
    """Return whether the branch around a session is taken for a GPU only, by a device or by these providers."""
    inner: cst.CSTNode = call
    for parent in module.parents(call):
        if isinstance(parent, cst.FunctionDef):
            return False
        if isinstance(parent, cst.If) and module.is_inside(inner, parent.body) and _asks_for_gpu(module, parent.test):
            return True
        inner = parent
    return False


def _asks_for_gpu(module: Module, test: cst.BaseExpression) -> bool:
    if module.nodes(cst.Not, cst.NotEqual, cst.NotIn, cst.Or, within=test):
        return False
    texts = {(string_value(s) or "").lower() for s in module.nodes(cst.SimpleString, within=test)}
    if any(t.endswith("executionprovider") and t != CPU.lower() for t in texts) and CPU.lower() not in texts:
        # `"CUDAExecutionProvider" in available` says what there is, not what is asked for.
        return not module.nodes(cst.In, within=test)
    return any(t.split(":")[0].split("_")[0] in _GPU_DEVICES for t in texts if t)
