"""Guards that are part of training: what comes out meets a loss, a teacher, a forward."""

from __future__ import annotations

from functools import lru_cache

from pytest_cpuperf.static.rules.cpu101_no_grad_inference.case import Case
from pytest_cpuperf.static.rules.cpu101_no_grad_inference.results import ends_plain, leaves_only_plain_data, uses_of
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import dotted, last_name
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.torch_code.dataflow import (
    all_plain,
    assigned_names,
    becomes_plain,
    spread,
    uses_after,
)
from pytest_cpuperf.static.torch_code.modules import may_be_module
from pytest_cpuperf.static.torch_code.training import called_by_forward, used_by_training
from pytest_cpuperf.static.torch_code.vocabulary import words

_FROZEN_NAMES = frozenset(
    ["teacher", "target", "guide", "ref", "reference", "frozen", "momentum", "ema", "matcher", "assigner"]
)
_TARGETS = frozenset(["target", "targets"])
_LOSS = pattern(
    r"(?i)(^|_)(loss|losses|criterion|criterions|kl_div|cross_entropy|mse_loss|bce\w*|nll_loss|objective)($|_|\d)"
)
_TRAINING_FLAG = pattern(
    r"(?i)training|freeze|frozen|finetune|fine_tune|requires_grad|with_grad|no_grad|train_\w+|\w+_trainable"
)


def depends_on_training(case: Case) -> str | None:
    """Return that the guard is there only while something is not trained."""
    inner: cst.CSTNode = case.guard.holder
    for node in case.module.parents(case.guard.holder):
        if isinstance(node, cst.FunctionDef):
            return None
        if isinstance(node, cst.If):
            if _TRAINING_FLAG.search(case.module.code(node.test)):
                return "the guard depends on whether something is trained"
            twin = node.orelse if inner is node.body else node.body
            if twin is not None and _is_twin(case, twin):
                return "the same call stands beside it without the guard"
        inner = node
    return None


def _is_twin(case: Case, other: cst.CSTNode) -> bool:
    """Return whether a branch makes one of the guarded model calls outside any guard."""
    guarded = {case.module.code(call.func) for call in case.model_calls}
    for call in case.module.nodes(cst.Call, within=other):
        if case.module.code(call.func) in guarded and not _is_guarded(case, call):
            return True
    return False


def _is_guarded(case: Case, node: cst.CSTNode) -> bool:
    for parent in case.module.parents(node):
        if isinstance(parent, cst.With) and any("grad" in case.module.code(i.item) for i in parent.items):
            return True
        if isinstance(parent, cst.FunctionDef):
            return False
    return False


def is_forward_of_a_module(case: Case) -> str | None:
    """Return that the guarded code is part of a module's forward, unless all that leaves it is plain data."""
    around = case.module.class_of(case.function) if case.function is not None else None
    if case.function is None or around is None:
        return None
    functions = [case.function, *(p for p in case.module.parents(case.function) if isinstance(p, cst.FunctionDef))]
    if not any(f.name.value == "forward" for f in functions):
        return None
    if case.guard.is_decorator and _returns_plain_data(case):
        return None
    klass = case.module.facts.outline.by_name.get(around.name.value)
    if klass is not None and klass.bases and not may_be_module(case.module.facts, klass):
        return None  # a wrapper of a model that is no module itself
    return "it is part of a module's forward, whose outputs may be trained through"


def _returns_plain_data(case: Case) -> bool:
    """Return whether a function returns something, and no tensor that a model made."""
    values = [r.value for r in case.module.nodes(cst.Return, within=case.body) if r.value is not None]
    read = {n.value for value in values for n in case.module.nodes(cst.Name, within=value)}
    called = [c for value in values for c in case.module.nodes(cst.Call, within=value) if c in case.model_calls]
    return bool(values) and not called and not read & case.outputs


def is_called_by_training(case: Case) -> str | None:
    """Outputs of what a forward or a training loop calls may meet autograd."""
    if case.function is None or (_takes_gradients(case) and not case.guard.is_decorator):
        return None  # whether it trains on its own results is seen in it
    outline, around = case.module.facts.outline, case.module.class_of(case.function)
    name, owner = case.function.name.value, around.name.value if around is not None else None
    if owner is not None and name != "forward" and name in called_by_forward(outline, owner) and not ends_plain(case):
        return "a forward or training step of its class calls it, whose outputs may be trained through"
    if name in used_by_training(outline, owner) and not leaves_only_plain_data(case):
        return "a training loop of this file uses its results"
    return None


def feeds_training(case: Case) -> str | None:
    """Return that what comes out is trained with, or through."""
    if case.function is None or case.guard.is_decorator:
        return None
    names = assigned_names(case.module, case.body)
    leaving = {n for n, values in names.items() if not all_plain(case.module, values)} | case.outputs
    uses = [u for n in leaving for u in uses_of(case, n) if not becomes_plain(case.module, u)]
    if not uses:
        return _fills_hooks_of_a_teacher(case)
    spread_to = spread(case.module, {u.value for u in uses}, case.body, case.function)
    later = [
        n
        for name in spread_to
        for n in uses_after(case.module, name, case.body, case.function)
        if not becomes_plain(case.module, n)
    ]
    if _takes_gradients(case) and any(_may_be_trained_with(case, n) for n in later):
        return "its results are used in a training step"
    outputs = spread(case.module, case.outputs, case.body, case.function)
    if any(_TARGETS & set(words(n)) for n in outputs - case.outputs):
        return "its results become targets of training"
    for use in (u for u in later if u.value in outputs):
        for parent in case.module.parents(use):
            if isinstance(parent, cst.Call):
                if _LOSS.search(last_name(parent.func) or "") and _returns_loss(case):
                    return "its results feed a loss"
                if case.calls.runs_model(parent) and not _is_guarded(case, parent):
                    return f"its results go into {case.module.code(parent.func)}, outside the guard"
            if parent is case.function:
                break
    for call in case.model_calls:
        if set(words(last_name(call.func) or "")) & _FROZEN_NAMES or set(words(dotted(call.func) or "")) & {"teacher"}:
            return f"{case.module.code(call.func)} is a teacher or target, whose outputs feed a loss"
    return None


def _takes_gradients(case: Case) -> bool:
    return _calls_backward(case.module, case.function)


@lru_cache(maxsize=16)  # asked for each guard of a function
def _calls_backward(module: Module, function: cst.FunctionDef | None) -> bool:
    return "backward" in module.facts.code and any(
        isinstance(c.func, cst.Attribute) and c.func.attr.value in ("backward", "manual_backward")
        for c in module.nodes(cst.Call, within=function)
    )


def _may_be_trained_with(case: Case, use: cst.Name) -> bool:
    """Return whether a use may hand a result to training: not where a guard is around it, or it is only counted."""
    if _is_guarded(case, use):
        return False
    parent = case.module.parent(use)
    return not isinstance(parent, (cst.AssignTarget, cst.AugAssign))


def _fills_hooks_of_a_teacher(case: Case) -> str | None:
    """A teacher run for its hooks alone: nothing is assigned, and yet a loss is fed."""
    assert case.function is not None
    for call in case.model_calls:
        if "teacher" in words(dotted(call.func) or "") and isinstance(case.module.parent(call), cst.Expr):
            return f"{case.module.code(call.func)} is a teacher, whose outputs feed a loss"
    return None


def _returns_loss(case: Case) -> bool:
    function = case.function
    assert function is not None
    return any(
        node.value is not None and any("loss" in words(n.value) for n in case.module.nodes(cst.Name, within=node.value))
        for node in case.module.nodes(cst.Return, within=function)
    )
