"""Features of a module that its methods hand out: whoever takes them may train on them."""

from __future__ import annotations

from pytest_cpuperf.static.rules.cpu101_no_grad_inference.case import Case
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.torch_code.dataflow import assigned_names, is_result
from pytest_cpuperf.static.torch_code.modules import is_module_class
from pytest_cpuperf.static.torch_code.vocabulary import words

# A method that is called so gives answers, not features. Names decide only where nothing else does.
_ANSWERS = frozenset(
    (
        *("predict", "infer", "inference", "generate", "sample", "sampling", "transcribe", "translate", "evaluate"),
        *("synthesize", "decode", "score", "classify", "detect", "rank", "rerank", "denoise", "separate", "enhance"),
    )
)


def hands_out_features(case: Case) -> str | None:
    """Return that a method of a torch module returns what its layers made, which other layers may be trained on."""
    if case.function is None or not _ANSWERS.isdisjoint(words(case.function.name.value)):
        return None
    around = case.module.class_of(case.function)
    klass = case.module.facts.outline.by_name.get(around.name.value) if around is not None else None
    if klass is None or not is_module_class(case.module.facts, klass):
        return None
    returned = [r.value for r in case.module.nodes(cst.Return, within=case.function) if r.value is not None]
    if any(_is_raw(case, value, frozenset()) for value in returned):
        return "a module's method hands out features, which other layers may be trained on"
    return None


def _is_raw(case: Case, value: cst.CSTNode, seen: frozenset[str]) -> bool:
    """Return whether an expression is what a model returned, by no more than tensor arithmetic."""
    module = case.module
    if is_result(module, value):
        return False
    if isinstance(value, (cst.Tuple, cst.List)):
        return any(_is_raw(case, e.value, seen) for e in value.elements)
    if isinstance(value, (cst.Subscript, cst.Attribute)):
        return _is_raw(case, value.value, seen)
    if isinstance(value, (cst.ListComp, cst.GeneratorExp)):
        return _is_raw(case, value.elt, seen)
    if isinstance(value, cst.BinaryOperation):
        return _is_raw(case, value.left, seen) or _is_raw(case, value.right, seen)
    if isinstance(value, cst.Name):
        if value.value in seen:
            return False
        bound = assigned_names(module, case.function or case.body).get(value.value, [])
        return any(_is_raw(case, b, seen | {value.value}) for b in bound)
    if isinstance(value, cst.Call):
        if value in case.model_calls:
            return True
        if isinstance(value.func, cst.Attribute) and not module.is_imported(value.func):
            return _is_raw(case, value.func.value, seen)
        return any(_is_raw(case, a.value, seen) for a in value.args)
    return False
