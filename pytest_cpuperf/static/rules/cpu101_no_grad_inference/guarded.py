"""What the guarded code does: reasons to leave it alone that its own lines show."""

from __future__ import annotations

from pytest_cpuperf.static.rules.cpu101_no_grad_inference.case import Case
from pytest_cpuperf.static.source.lazy_libcst import cst
from pytest_cpuperf.static.torch_code.model_calls import words

_AUTOGRAD = frozenset({"backward", "requires_grad_", "enable_grad", "requires_grad"})
_EXPORTS = (
    "torch.onnx",
    "torch.export",
    "torch.jit.trace",
    "torch.jit.script",
    "torch.compile",
    "torch.fx",
    "torch._dynamo",
)


def is_reusable(case: Case) -> str | None:
    """Return that the guard is handed to the caller."""
    if not case.guard.is_decorator:
        for node in case.module.nodes(cst.Yield, within=case.body):
            if node.value is None and case.module.function_of(node) is case.function:
                return "the guard is handed to the caller by yield"
    return None


def meets_autograd(case: Case) -> str | None:
    """Return what in the guarded code, or in a function it calls, needs autograd."""
    found = _autograd_word(case, case.body)
    if found:
        return f"it meets autograd ({found})"
    for call in case.module.nodes(cst.Call, within=case.body):
        helper = case.calls.helper(call)
        if helper is not None and not case.module.is_inside(call, helper):
            found = _autograd_word(case, helper.body)
            if found:
                return f"{helper.name.value}, which it calls, meets autograd ({found})"
    return None


def _autograd_word(case: Case, within: cst.CSTNode) -> str | None:
    for node in case.module.nodes(cst.Attribute, within=within):
        name = node.attr.value
        if name == "requires_grad" and not isinstance(case.module.parent(node), cst.AssignTarget):
            continue  # reading it proves nothing
        if name in _AUTOGRAD:
            return name
        full = case.module.qualified(node) or ""
        if full.startswith(("torch.autograd.", "torch.func.")) and not full.endswith(("no_grad", "set_grad_enabled")):
            return full
    return None


def exports(case: Case) -> str | None:
    """Return that the code exports, traces or compiles a model."""
    scope = case.function or case.body
    for node in case.module.nodes(cst.Attribute, cst.Name, within=scope):
        full = case.module.qualified(node)
        if full and full.startswith(_EXPORTS) and case.module.is_imported(node):
            return f"it exports, traces or compiles ({full})"
    if case.function is not None and "export" in words(case.function.name.value):
        exports = ("torch.onnx", "torch.export", "torch.jit", "onnx", "coremltools", "tensorrt", "openvino")
        if any(v.startswith(exports) for v in case.module.imports.values()) or "onnx" in case.module.facts.text:
            return "it is part of an export"
    return None


def runs_no_model(case: Case) -> str | None:
    """Return that no model runs under the guard."""
    return None if case.model_calls else "no model is seen to run in it"
