"""Whether a function's text may hold a call that runs a model: asked of text, before anything is parsed."""

from __future__ import annotations

import re

from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.outline import Chunk
from pytest_cpuperf.static.torch_code.model_calls import CALLERS
from pytest_cpuperf.static.torch_code.modules import module_names
from pytest_cpuperf.static.torch_code.vocabulary import (
    is_model_name,
    runs_by_name,
    runs_on_model,
    runs_what_it_is_given,
)

_IN_MODULE_DICT = re.compile(r"\.\s*(?:mods|modules)\s*\.\s*\w+\s*[.(]")
_CALLED_NAME = re.compile(r"(?<!def )\b([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)?\(")
_CALLED_METHOD = re.compile(r"\b([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*|\(\s*\)\s*)?\.\s*([A-Za-z_]\w*)\s*\(")
_CALL_ON_RESULT = re.compile(r"[\])]\s*\(")
_ON_SUPER = re.compile(r"\bsuper\s*\(\s*\)\s*\.")
_MAPPED = re.compile(r"\bmap\s*\(")
_KEPT_FUNCTION = re.compile(r"(\w+)[ \t]*=[ \t]*[\w.]+\.(\w+)[ \t]*(?=\n|$)")
_LOOPED = re.compile(r"\bfor\s+(\w+)\s+in\b")


def may_run_model(chunk: Chunk, facts: Facts) -> bool:
    """Return whether a function's text, or that of what it calls in its file, may hold a call that runs a model.

    Never False where `ModelCalls.runs_model` would find one: it asks the same of every name before a bracket, without
    a tree.
    """
    return any(_text_may_run_model(reached.code, facts) for reached in facts.outline.closure([chunk]))


def _text_may_run_model(code: str, facts: Facts) -> bool:
    if _CALL_ON_RESULT.search(code) or _IN_MODULE_DICT.search(code) or _MAPPED.search(code):
        return True
    if _ON_SUPER.search(code):
        return True
    modules = module_names(facts)
    for receiver, method in set(_CALLED_METHOD.findall(code)):
        if runs_by_name(method) or method in CALLERS:
            return True
        if (receiver in modules or is_model_name(receiver)) and (runs_on_model(method) or method == "decode"):
            return True
        if method in ("encode", "decode", "evaluate"):
            return True
    for name in set(_CALLED_NAME.findall(code)):
        bare = name.lstrip("_")
        if bare in modules or name in modules or is_model_name(bare) or runs_by_name(bare):
            return True
        if name in ("eval", "__call__") or runs_what_it_is_given(bare) or name in facts.outline.instances:
            return True
    return _calls_a_kept_function(code)


def _calls_a_kept_function(code: str) -> bool:
    """Return whether a function calls what it holds under a local name, or what a loop goes over."""
    names = {m[1] for m in _KEPT_FUNCTION.finditer(code)} | set(_LOOPED.findall(code))
    return any(re.search(rf"(?<![\w.]){name}\s*(?:\(|\.\s*\w+\s*\()", code) for name in names)
