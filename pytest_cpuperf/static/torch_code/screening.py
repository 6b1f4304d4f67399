"""Whether a function's text may hold a call that runs a model: asked of text, before anything is parsed."""

from __future__ import annotations

import weakref

from pytest_cpuperf.static.source.chunks import Chunk
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.torch_code.modules import module_names
from pytest_cpuperf.static.torch_code.vocabulary import (
    CALLERS,
    is_model_name,
    runs_by_name,
    runs_on_model,
    runs_what_it_is_given,
)

_IN_MODULE_DICT = pattern(r"\.\s*(?:mods|modules)\s*\.\s*\w+\s*[.(]")
_CALL_ON_RESULT = pattern(r"[\])]\s*\(")
_MAPPED = pattern(r"\bmap\s*\(")
_KEPT_FUNCTION = pattern(r"=[ \t]*[\w.]+\.\w+[ \t]*(?=\n|$)")
_TARGET_BEFORE = pattern(r"(\w+)[ \t]*$")
_LOOPED = pattern(r"\bfor\s+(\w+)\s+in\b")


def may_run_model(chunk: Chunk, facts: Facts) -> bool:
    """Return whether a function's text, or that of what it calls in its file, may hold a call that runs a model.

    Never False where `ModelCalls.runs_model` would find one: it asks the same of every name before a bracket, without
    a tree.
    """
    known = _known.setdefault(facts, {})
    if chunk not in known:
        _find(chunk, facts, known)
    return known[chunk]


_known: weakref.WeakKeyDictionary[Facts, dict[Chunk, bool]] = weakref.WeakKeyDictionary()


def _find(chunk: Chunk, facts: Facts, known: dict[Chunk, bool]) -> None:
    """Remember of a function, and of those it calls that are told with it, whether they may run a model."""
    caller: dict[Chunk, Chunk | None] = {chunk: None}
    todo = [chunk]
    while todo:
        reached = todo.pop()
        if known.get(reached) or (reached not in known and _text_may_run_model(reached, facts)):
            way: Chunk | None = reached
            while way is not None:  # all on the way call it
                known[way] = True
                way = caller[way]
            return
        if reached not in known:
            for called in facts.outline.called(reached):
                if called not in caller:
                    caller[called] = reached
                    todo.append(called)
    known.update(dict.fromkeys(caller, False))


def _text_may_run_model(chunk: Chunk, facts: Facts) -> bool:
    code, modules = chunk.code, module_names(facts)
    for receiver, name in chunk.calls:
        if receiver == "super":
            if runs_on_model(name):
                return True
        elif receiver and _method_may_run(receiver, name, modules):
            return True
        bare = name.lstrip("_")
        if bare in modules or name in modules or is_model_name(bare) or name in ("eval", "__call__"):
            return True
        if runs_what_it_is_given(bare) or (name in facts.outline.instances):
            return True
    if _CALL_ON_RESULT.search(code) or _IN_MODULE_DICT.search(code) or _MAPPED.search(code):
        return True
    return _calls_a_kept_function(chunk)


def _method_may_run(receiver: str, name: str, modules: frozenset[str]) -> bool:
    if runs_by_name(name) or name in CALLERS or name in ("encode", "decode", "evaluate"):
        return True
    return (receiver in modules or is_model_name(receiver)) and runs_on_model(name)


def _calls_a_kept_function(chunk: Chunk) -> bool:
    """Return whether a function calls what it holds under a local name, or what a loop goes over."""
    called = {receiver or name for receiver, name in chunk.calls}
    if not called.isdisjoint(_LOOPED.findall(chunk.code)):
        return True
    for match in _KEPT_FUNCTION.finditer(chunk.code):
        target = _TARGET_BEFORE.search(chunk.code, max(0, match.start() - 60), match.start())
        if target is not None and target[1] in called:
            return True
    return False
