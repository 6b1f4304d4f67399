"""Gradient guards, what they guard, and mentions of them that guard nothing.

`torch.no_grad` and `set_grad_enabled(False)` as a with-item, a decorator, entered on an `ExitStack`, kept under a name
that a with then uses, or called on a function.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import dotted, last_name

_NO_GRAD = frozenset(f"torch.{p}no_grad" for p in ("", "autograd.", "autograd.grad_mode."))
_SET_GRAD = frozenset(f"torch.{p}set_grad_enabled" for p in ("", "autograd.", "autograd.grad_mode."))
_INFERENCE = frozenset(f"torch.{p}inference_mode" for p in ("", "autograd.", "autograd.grad_mode."))
_WORDS = frozenset({"no_grad", "set_grad_enabled"})


@dataclass(frozen=True)
class Guard:
    """A guard and the code it guards."""

    trigger: cst.CSTNode
    """`torch.no_grad()`, `torch.no_grad` or `torch.set_grad_enabled(False)`: what is reported."""
    body: cst.CSTNode
    """The guarded code: a with's body, a decorated function's, the call of a function it was called on."""
    holder: cst.CSTNode
    """The with or decorated function that holds the guard, or else what it guards."""
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
    named = _WORDS | module.facts.imported.aliases(_WORDS)
    for mention in module.nodes(cst.Name, cst.Attribute):
        identifier = mention.value if isinstance(mention, cst.Name) else mention.attr.value
        if identifier not in named or not _is_read(module, mention):
            continue
        name = module.qualified(mention)
        if name in _NO_GRAD or name in _SET_GRAD:
            yield _guard(module, mention, switches=name in _SET_GRAD)
        elif identifier in _WORDS and not _is_own(module, mention):
            yield NoGuard(mention, f"nothing shows that {dotted(mention) or identifier} is torch's")


def _is_read(module: Module, mention: cst.CSTNode) -> bool:
    """Return whether a mention is a whole name that is read: no part of a longer one, no import, no keyword."""
    parent = module.parent(mention)
    if isinstance(parent, (cst.Attribute, cst.ImportAlias, cst.AsName, cst.AssignTarget, cst.Param)):
        return False
    if isinstance(parent, (cst.Arg, cst.FunctionDef)):
        return getattr(parent, "keyword", None) is not mention and getattr(parent, "name", None) is not mention
    return True


def _is_own(module: Module, mention: cst.CSTNode) -> bool:
    """Return whether a mention is of the file's own: a variable, a parameter, a function, an attribute of an object."""
    if isinstance(mention, cst.Attribute):
        return isinstance(mention.value, cst.Name) and mention.value.value in ("self", "cls", "args", "config")
    return not module.is_imported(mention)


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
    found = _entered(module, trigger, parent) or _kept(module, trigger, parent) or _called_on(module, trigger, parent)
    return found or NoGuard(trigger, "the guard is handed on, not used here")


def _entered(module: Module, trigger: cst.CSTNode, parent: cst.CSTNode | None) -> Guard | None:
    """Return the guard that `stack.enter_context(torch.no_grad())` is, to the end of the stack's own with."""
    call = module.parent(parent) if isinstance(parent, cst.Arg) else None
    if not isinstance(call, cst.Call) or last_name(call.func) not in ("enter_context", "enter_async_context"):
        return None
    assert isinstance(call.func, cst.Attribute)
    stack = dotted(call.func.value)
    function = module.function_of(call)
    for node in module.parents(call):
        if isinstance(node, cst.With) and any(
            item.asname is not None and dotted(item.asname.name) == stack for item in node.items
        ):
            return Guard(trigger, node.body, node, function)
        if node is function:
            break
    if function is not None and stack is not None and "." not in stack:
        return Guard(trigger, function.body, function.body, function)
    return None


def _kept(module: Module, trigger: cst.CSTNode, parent: cst.CSTNode | None) -> Guard | None:
    """Return the guard of `guard = torch.no_grad()` where one with of the same function uses the name."""
    if not isinstance(parent, cst.Assign) or len(parent.targets) != 1 or not isinstance(trigger, cst.Call):
        return None
    name = dotted(parent.targets[0].target)
    function = module.function_of(parent)
    if name is None or "." in name or function is None:
        return None
    bound = [a for a in module.nodes(cst.Assign, within=function) if any(dotted(t.target) == name for t in a.targets)]
    used = [w for w in module.nodes(cst.With, within=function) if any(dotted(i.item) == name for i in w.items)]
    if len(bound) == 1 and len(used) == 1:
        return Guard(trigger, used[0].body, used[0], function)
    return None


def _called_on(module: Module, trigger: cst.CSTNode, parent: cst.CSTNode | None) -> Guard | None:
    """Return the guard of `torch.no_grad()(f)`: the function of this file, the lambda, or the call of what it made."""
    if not (isinstance(parent, cst.Call) and parent.func is trigger and parent.args):
        return None
    given = parent.args[0].value
    if isinstance(given, cst.Lambda):
        return Guard(trigger, given.body, given, module.function_of(given))
    if isinstance(given, cst.Name):
        for function in module.functions.get(given.value, ()):
            return Guard(trigger, function.body, function, function)
    call = module.parent(parent)
    if isinstance(call, cst.Call) and call.func is parent:
        return Guard(trigger, call, call, module.function_of(call))
    return Guard(trigger, parent, parent, module.function_of(parent))


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
        if isinstance(node, cst.With) and any(is_guard(module, item.item) for item in node.items):
            return node
        if isinstance(node, cst.FunctionDef):
            if any(is_guard(module, d.decorator) for d in node.decorators):
                return node
            return None
    return None


def guarded(module: Module, node: cst.CSTNode) -> bool:
    """Return whether a gradient guard is around a node in its function, or on the function."""
    for parent in module.parents(node):
        if isinstance(parent, cst.With) and any(is_guard(module, item.item) for item in parent.items):
            return True
        if isinstance(parent, cst.FunctionDef):
            return any(is_guard(module, d.decorator) for d in parent.decorators)
    return False


def enters_inference_mode(module: Module, guard: Guard) -> bool:
    """Return whether the same with, or the guarded code at its top, enters inference mode already."""
    holder = guard.holder
    items = list(holder.items) if isinstance(holder, cst.With) else []
    decorators = [d.decorator for d in holder.decorators] if isinstance(holder, cst.FunctionDef) else []
    for expression in (*(i.item for i in items), *decorators):
        function = expression.func if isinstance(expression, cst.Call) else expression
        if module.qualified(function) in _INFERENCE:
            return True
    return False


def is_guard(module: Module, node: cst.BaseExpression) -> bool:
    """Return whether an expression is a gradient guard: `torch.no_grad()`, `torch.inference_mode()`."""
    function = node.func if isinstance(node, cst.Call) else node
    name = module.qualified(function)
    return name in _NO_GRAD or name in _INFERENCE
