"""What the guarded code does: reasons to leave it alone that its own lines show."""

from __future__ import annotations

from functools import lru_cache

from pytest_cpuperf.static.rules.cpu101_no_grad_inference.case import Case
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import last_name
from pytest_cpuperf.static.torch_code.guards import enters_inference_mode
from pytest_cpuperf.static.torch_code.vocabulary import words

_AUTOGRAD = frozenset({"backward", "requires_grad_", "enable_grad", "requires_grad"})
_NO_AUTOGRAD = ("no_grad", "set_grad_enabled", "inference_mode", "functional_call", "profiler")
_CONVERTS = frozenset(["convert", "converted", "compile", "to", "build", "trace", "script"])
_FORMATS = frozenset(["onnx", "torchscript", "trt", "tensorrt", "openvino", "coreml", "tflite", "ncnn", "engine"])
_WARMS_UP = frozenset(["warmup", "capture", "precompile"])
_EXPORTS = (
    "torch.onnx",
    "torch.export",
    "torch.jit.trace",
    "torch.jit.script",
    "torch.fx",
    "torch.cuda.CUDAGraph",
    "torch.cuda.graph",
    "torch_tensorrt",
    "coremltools",
    "openvino.convert_model",
    "openvino.save_model",
    "openvino.tools",
    "openvino.frontend",
)
# A function may compile its model and then run it under a guard: only a guard around the compiling itself counts.
_COMPILES = ("torch.compile", "torch._dynamo")
# Words without which a file uses none of these: most files have none, and their names need not be looked up.
_EXPORT_WORDS = ("onnx", "export", "jit", "fx", "CUDAGraph", "graph", "tensorrt", "coremltools", "openvino")
_COMPILE_WORDS = ("compile", "_dynamo")
_AUTOGRAD_WORDS = ("autograd", "func")


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
        for helper in case.calls.helpers(call):
            if not case.module.is_inside(call, helper):
                found = _autograd_word(case, helper.body)
                if found:
                    return f"{helper.name.value}, which it calls, meets autograd ({found})"
    return None


def _autograd_word(case: Case, within: cst.CSTNode) -> str | None:
    names_torch_autograd = _mentions(case.module.facts, _AUTOGRAD_WORDS)
    for node in case.module.nodes(cst.Attribute, within=within):
        name = node.attr.value
        if name == "requires_grad" and not isinstance(case.module.parent(node), cst.AssignTarget):
            continue  # reading it proves nothing
        if name in _AUTOGRAD:
            return name
        full = (names_torch_autograd and case.module.qualified(node)) or ""
        if full.startswith(("torch.autograd.", "torch.func.")) and not full.endswith(_NO_AUTOGRAD):
            return full
    return None


def exports(case: Case) -> str | None:
    """Return that the code exports, converts, traces, compiles or captures a model."""
    scope = case.function or case.body
    used = _used(case.module, scope, _EXPORTS, _EXPORT_WORDS)
    used = used or _used(case.module, case.body, _COMPILES, _COMPILE_WORDS)
    if used:
        return f"it exports, traces or compiles ({used})"
    called = _exporter_called(case.module, scope)
    if called:
        return f"it exports or converts ({called})"
    name = set(words(case.function.name.value)) if case.function is not None else set()
    if name & _WARMS_UP or {"warm", "up"} <= name:
        return "it warms up or captures a compiled model"
    if name & {"onnx", "torchscript", "traceable", "scriptable"}:
        return "it is meant to be exported"
    if "export" in name:
        exports = ("torch.onnx", "torch.export", "torch.jit", "onnx", "coremltools", "tensorrt", "openvino")
        if any(v.startswith(exports) for v in case.module.imports.values()) or "onnx" in case.module.facts.text:
            return "it is part of an export"
    return None


@lru_cache(maxsize=16)  # asked for each guard of a function
def _exporter_called(module: Module, scope: cst.CSTNode) -> str | None:
    """Return the name of what is called in a scope and exports or converts, by its name."""
    for call in module.nodes(cst.Call, within=scope):
        called = last_name(call.func) or ""
        name = set(words(called))
        if (name & _CONVERTS and name & _FORMATS) or "export" in name:
            return called
    return None


@lru_cache(maxsize=16)
def _used(
    module: Module, within: cst.CSTNode, full_names: tuple[str, ...], words_of_them: tuple[str, ...]
) -> str | None:
    """Return what is used of a library, by the beginning of its full name."""
    if not _mentions(module.facts, words_of_them):
        return None
    for node in module.nodes(cst.Attribute, cst.Name, within=within):
        full = module.qualified(node)
        if full and full.startswith(full_names) and module.is_imported(node):
            return full
    return None


@lru_cache(maxsize=16)
def _mentions(facts: Facts, any_of: tuple[str, ...]) -> bool:
    """Return whether a file's code holds one of some words."""
    return any(word in facts.code for word in any_of)


def runs_elsewhere(case: Case) -> str | None:
    """Return that the model runs in another thread or process, where this guard does nothing."""
    calls = case.module.nodes(cst.Call, within=case.body)
    if any(case.calls.runs_elsewhere(call) for call in calls) and not case.model_calls:
        return "the model runs in another thread or process, where this guard does nothing"
    return None


def prefers_inference_mode(case: Case) -> str | None:
    """Return that the guarded code is in inference mode already."""
    if enters_inference_mode(case.module, case.guard):
        return "it enters inference mode already"
    return None


def runs_no_model(case: Case) -> str | None:
    """Return that no model runs under the guard."""
    return None if case.model_calls else "no model is seen to run in it"
