"""What becomes of the results: turned into plain data, kept, or changed in place after the block."""

from __future__ import annotations

from pytest_cpuperf.static.rules.cpu101_no_grad_inference.case import Case
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.torch_code.dataflow import all_plain, assigned_names, becomes_plain, is_plain, uses_after

_KEEPERS = frozenset(
    ["append", "extend", "add", "update", "insert", "put", "setdefault", "send", "write", "set", "appendleft"]
)
_IN_PLACE = pattern(r"[a-z]\w*[a-z0-9]_")


def uses_of(case: Case, name: str) -> list[cst.Name]:
    """Return where a name that the guarded code assigned is used after it."""
    assert case.function is not None
    return uses_after(case.module, name, case.body, case.function)


def ends_plain(case: Case) -> bool:
    """Return whether all that leaves the guarded code by name or return is plain data."""
    if case.function is None:
        return False
    names = assigned_names(case.module, case.body)
    for name, values in names.items():
        if not all_plain(case.module, values) and any(not becomes_plain(case.module, u) for u in uses_of(case, name)):
            return False
    returns = case.module.nodes(cst.Return, within=case.body)
    return all(r.value is None or all_plain(case.module, [r.value]) for r in returns)


def leaves_only_plain_data(case: Case) -> bool:
    """Return whether nothing but plain data leaves the guarded code: then a fix changes nothing anybody can see."""
    if case.function is None or not ends_plain(case) or case.module.nodes(cst.Yield, within=case.body):
        return False
    if case.module.nodes(cst.Global, cst.Nonlocal, within=case.function):
        return False
    for assign in case.module.nodes(cst.Assign, cst.AugAssign, cst.AnnAssign, within=case.body):
        targets = [t.target for t in assign.targets] if isinstance(assign, cst.Assign) else [assign.target]
        outside = isinstance(assign, cst.AugAssign) or any(not isinstance(t, (cst.Name, cst.Tuple)) for t in targets)
        if outside and assign.value is not None and not is_plain(case.module, assign.value):
            return False
    return not any(_hands_on(case, call) for call in case.module.nodes(cst.Call, within=case.body))


def _hands_on(case: Case, call: cst.Call) -> bool:
    """Return whether a call may keep a tensor somewhere: `rows.append(output)`."""
    if not isinstance(call.func, cst.Attribute) or call.func.attr.value not in _KEEPERS:
        return False
    return any(not is_plain(case.module, arg.value) for arg in call.args)


def changed_in_place_afterwards(case: Case) -> str | None:
    """Return which result is changed in place after the block."""
    if case.function is None or case.guard.is_decorator:
        return None
    for name, values in assigned_names(case.module, case.body).items():
        if all_plain(case.module, values):
            continue
        if _is_augmented(case, name):
            return f"{name} is changed in place after the block, which raises on inference tensors"
        for use in uses_of(case, name):
            change = _in_place(case, use)
            if change:
                return f"{name} is changed in place after the block ({change}), which raises on inference tensors"
    return None


def _is_augmented(case: Case, name: str) -> bool:
    """Return whether the first that binds a name after the block works on the block's value: `logits += bias`."""
    assert case.function is not None
    for node in case.module.named_after(name, case.body, within=case.function):
        target: cst.CSTNode = node
        parent = case.module.parent(node)
        while isinstance(parent, cst.Subscript) and parent.value is target:
            target, parent = parent, case.module.parent(parent)
        if isinstance(parent, cst.AugAssign) and parent.target is target:
            return True
        if isinstance(parent, cst.AssignTarget) and target is node:
            return False
    return False


def _in_place(case: Case, use: cst.Name) -> str | None:
    """Return how a use changes its value in place, or None."""
    node: cst.CSTNode = use
    for parent in case.module.parents(use):
        if isinstance(parent, cst.Subscript) and parent.value is node:
            target = case.module.parent(parent)
            if isinstance(target, cst.AssignTarget):
                return case.module.code(parent)
        if isinstance(parent, cst.Attribute) and parent.value is node:
            call = case.module.parent(parent)
            if isinstance(call, cst.Call) and call.func is parent and _IN_PLACE.fullmatch(parent.attr.value):
                return parent.attr.value
            return None
        if not isinstance(parent, cst.Subscript):
            return None
        node = parent
    return None
