"""Why batches by position are left alone: they are sorted already, they train, they are no lists of texts."""

from __future__ import annotations

import re
from functools import lru_cache

from pytest_cpuperf.static.rules.cpu204_arrival_order_batches.cuts import CUTTERS, Cut
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import last_name
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.torch_code.handlers import with_callers
from pytest_cpuperf.static.torch_code.vocabulary import words

# One bound of a slice, without the commas of a tensor's: brackets may stand in it.
_BOUND = r"(?:[^\[\]:,()]|\((?:[^()]|\([^()]*\))*\)|\[[^\[\]]*\])*"
# What a function that cuts a list up holds, in some form: a loop and a slice, a function that cuts, a loader.
_SLICES = pattern(rf"\[{_BOUND}:{_BOUND}\]")
_CUTTING_WORDS = (*sorted(CUTTERS), "zip", "collate_fn")
_CUTS = pattern(rf"\b(?:{'|'.join(_CUTTING_WORDS[:-1])})\s*\(|\bcollate_fn\s*=")
_SORTS = pattern(
    r"\bsorted\s*\(|\.\s*sort(?:_values)?\s*\(|\bargsort\b|\b(?:plan|sorted)_batches\b|(?i:bucket)|length_?group"
    r"|group_by_length|\b\w*_?sorted(?:_\w+)?\b|\bby_length\b|\bget_reordered\b|\b\w*[Rr]eorder\w*"
)
_TRAINING = frozenset({"train", "training", "fit"})
_TRAINS = pattern(r"\.\s*backward\s*\(|\bTrainer\s*\(|\b(?:optimizer|optim)\s*\.\s*step\s*\(")
_ONE_TEXT = frozenset(
    {"text", "document", "doc", "sentence", "string", "passage", "paragraph", "prompt", "content", "article", "line"}
)
_NO_TEXT = frozenset(
    {"image", "images", "audio", "audios", "wave", "waveform", "waveforms", "frame", "frames", "pixel", "pixels"}
)


def may_cut(code: str) -> bool:
    """Return whether code may cut a list up or make a loader: it slices, or calls what cuts."""
    if any(word in code for word in _CUTTING_WORDS) and _CUTS.search(code) is not None:
        return True
    return ":" in code and _SLICES.search(code) is not None


def why_cut_is_left(module: Module, cut: Cut) -> str | None:
    """Return why a list's parts are left alone, by what the list is; or None."""
    if cut.is_of_one:
        return "batches are of one"
    parts = words(last_name(cut.items) or "")
    if parts and parts[-1] in _ONE_TEXT:
        return "what is cut may be one long text"
    if _NO_TEXT & set(parts):
        return "what is cut is no text"
    if isinstance(cut.items, cst.Attribute) and re.search(
        rf"\b{cut.items.attr.value}\s*=[^=\n]*(?:sort|bucket)|\b{cut.items.attr.value}\s*\.\s*sort\s*\(",
        module.facts.code,
    ):
        return "the list is sorted where it is kept"
    return None


def why_taker_is_left(module: Module, loader: cst.Call) -> str | None:
    """Return that a loader is handed to what trains, or None."""
    scope = module.function_of(loader) or module.tree
    handed: list[cst.CSTNode] = [loader]
    parent = module.parent(loader)
    if isinstance(parent, cst.Assign):
        names = {last_name(t.target) or "" for t in parent.targets}
        handed += [use for name in names for use in module.named(name, within=scope)]
    for node in handed:
        arg = module.parent(node)
        call = module.parent(arg) if isinstance(arg, cst.Arg) else None
        name = last_name(call.func) if isinstance(call, cst.Call) else None
        if name and (_TRAINING & set(words(name)) or _trains(module, name)):
            return f"it is handed to {name}, which trains"
    return None


def _trains(module: Module, name: str) -> bool:
    return any(c.name == name and _TRAINS.search(c.code) for c in module.facts.outline.chunks)


def why_scope_is_left(module: Module, node: cst.CSTNode) -> str | None:
    """Return why the function around a node keeps its batches from being judged, or None."""
    return _why_function_is_left(module, module.function_of(node))


@lru_cache(maxsize=16)  # asked for each batch of a function
def _why_function_is_left(module: Module, function: cst.FunctionDef | None) -> str | None:
    text = module.facts.code if function is None else module.code(function)
    if _SORTS.search(text):
        return "the function sorts or buckets"
    if function is None:
        return "the file trains" if _TRAINS.search(text) else None
    name = function.name.value
    if _TRAINS.search(text) or _TRAINING & set(words(name)):
        return "the function trains"
    around = [c for c in module.facts.outline.chunks if c.name == name]
    for caller in with_callers(around, module.facts):
        if _SORTS.search(caller.code):
            return f"{caller.name}, which calls it, sorts or buckets"
        if _TRAINS.search(caller.code):
            return f"{caller.name}, which calls it, trains"
    return None
