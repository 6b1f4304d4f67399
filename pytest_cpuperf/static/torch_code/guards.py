"""Gradient guards: `torch.no_grad` and `set_grad_enabled(False)` as a with-item or a decorator, and what they guard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_cpuperf.static.source.lazy_libcst import cst
from pytest_cpuperf.static.source.module import Module

_NO_GRAD = frozenset(f"torch.{p}no_grad" for p in ("", "autograd.", "autograd.grad_mode."))
_SET_GRAD = frozenset(f"torch.{p}set_grad_enabled" for p in ("", "autograd.", "autograd.grad_mode."))
_INFERENCE = frozenset(f"torch.{p}inference_mode" for p in ("", "autograd.", "autograd.grad_mode."))


@dataclass(frozen=True)
class Guard:
    """A guard and the code it guards."""

    trigger: cst.CSTNode
    """`torch.no_grad()`, `torch.no_grad` or `torch.set_grad_enabled(False)`: what is reported."""
    body: cst.CSTNode
    """The guarded block: a with's body, or a decorated function's."""
    holder: cst.With | cst.FunctionDef
    function: cst.FunctionDef | None
    """The function the guarded code belongs to; the decorated one for a decorator."""

    @property
    def is_decorator(self) -> bool:
        """Whether the guard decorates a function."""
        return isinstance(self.holder, cst.FunctionDef)


@dataclass(frozen=True)
class NoGuard:
    """A mention of a guard that guards nothing here, and why."""

    trigger: cst.CSTNode
    because: str


def find_guards(module: Module) -> Iterator[Guard | NoGuard]:
    """Yield each guard of a file, and each mention that is none, in source order."""
    for mention in module.nodes(cst.Name, cst.Attribute):
        parent = module.parent(mention)
        if isinstance(parent, (cst.Attribute, cst.ImportAlias)):
            continue  # a part of a longer name
        name = module.qualified(mention)
        if name is None or not module.is_imported(mention) or name not in _NO_GRAD | _SET_GRAD:
            continue
        yield _guard(module, mention, switches=name in _SET_GRAD)


def _guard(module: Module, mention: cst.CSTNode, switches: bool) -> Guard | NoGuard:
    trigger = mention
    parent = module.parent(mention)
    if isinstance(parent, cst.Call) and parent.func is mention:
        trigger = parent
        parent = module.parent(parent)
    if switches:
        first = trigger.args[0].value if isinstance(trigger, cst.Call) and trigger.args else None
        if not (isinstance(first, cst.Name) and first.value == "False"):
            return NoGuard(trigger, "the gradient mode is chosen at run time")
    if isinstance(parent, cst.IfExp):
        chosen = _chosen(parent)
        if chosen is None:
            return NoGuard(trigger, "which guard is used is chosen at run time")
        if chosen is not trigger:
            return NoGuard(trigger, "this branch is never taken")
        parent = module.parent(parent)
        if isinstance(parent, cst.Call):  # (no_grad if True else …)()
            parent = module.parent(parent)
    if isinstance(parent, cst.WithItem):
        holder = module.parent(parent)
        assert isinstance(holder, cst.With)
        return Guard(trigger, holder.body, holder, module.function_of(holder))
    if isinstance(parent, cst.Decorator):
        decorated = module.parent(parent)
        if isinstance(decorated, cst.FunctionDef):
            return Guard(trigger, decorated.body, decorated, decorated)
    if isinstance(parent, cst.Expr) and switches:
        return NoGuard(trigger, "it switches the mode for all that follows and is no guard")
    return NoGuard(trigger, "the guard is handed on, not used here")


def _chosen(choice: cst.IfExp) -> cst.BaseExpression | None:
    """Return the branch a conditional on a literal takes, None where the test is no literal."""
    test = choice.test
    if isinstance(test, cst.Name) and test.value in ("True", "False", "None"):
        return choice.body if test.value == "True" else choice.orelse
    if isinstance(test, cst.Integer):
        return choice.body if test.evaluated_value else choice.orelse
    return None


def outer_guard(module: Module, guard: Guard) -> cst.CSTNode | None:
    """Return a gradient guard around this one in the same function, or None."""
    for node in module.parents(guard.holder):
        if isinstance(node, cst.With) and any(_is_guard(module, item.item) for item in node.items):
            return node
        if isinstance(node, cst.FunctionDef):
            if any(_is_guard(module, d.decorator) for d in node.decorators):
                return node
            return None
    return None


def guarded(module: Module, node: cst.CSTNode) -> bool:
    """Return whether a gradient guard is around a node in its function, or on the function."""
    for parent in module.parents(node):
        if isinstance(parent, cst.With) and any(_is_guard(module, item.item) for item in parent.items):
            return True
        if isinstance(parent, cst.FunctionDef):
            return any(_is_guard(module, d.decorator) for d in parent.decorators)
    return False


def _is_guard(module: Module, node: cst.BaseExpression) -> bool:
    function = node.func if isinstance(node, cst.Call) else node
    name = module.qualified(function)
    return module.is_imported(function) and name in _NO_GRAD | _INFERENCE
