"""Which functions of a file hand their results to training: told from who calls whom, and who takes gradients."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pytest_cpuperf.static.model_calls import words
from pytest_cpuperf.static.prune import Chunk, Outline

# What a class's training may start from: modules, Lightning, the trainers of transformers and coqui.
_ENTRY_METHODS = frozenset(
    (
        *("forward", "training_step", "train_step", "compute_loss", "shared_step"),
        *("_prepare_inputs", "get_train_dataloader", "on_before_batch_transfer", "on_after_batch_transfer"),
        *("format_batch", "format_batch_on_device"),
    )
)
_TAKES_GRADIENTS = re.compile(r"\.\s*(?:backward|zero_grad|manual_backward)\s*\(")
# Training loops evaluate too: what these return is looked at, not trained through.
_EVALUATES = frozenset(
    (
        *("eval", "evaluate", "evaluation", "val", "valid", "validate", "validation", "test", "predict", "prediction"),
        *("infer", "inference", "generate", "generation", "sample", "samples", "log", "plot", "score", "metrics"),
    )
)


def called_by_forward(outline: Outline, class_name: str) -> frozenset[str]:
    """Return the methods of a class from which training may start, and those they call on `self`."""
    return frozenset(
        name
        for klass in outline.classes
        if klass.name == class_name
        for name in _reached(klass.methods, klass.methods.keys() & _ENTRY_METHODS)
    )


def used_by_training(outline: Outline, class_name: str | None) -> frozenset[str]:
    """Return the methods of a class, or the functions of a module, whose results a training loop there may use."""
    if class_name is None:
        return frozenset(_used_by_training(outline.functions, on_self=False))
    classes = [klass for klass in outline.classes if klass.name == class_name]
    return frozenset(name for klass in classes for name in _used_by_training(klass.methods, on_self=True))


def _used_by_training(functions: Mapping[str, list[Chunk]], on_self: bool) -> set[str]:
    """Return what is called by functions that take gradients, or that call one that does; evaluation left out."""
    training = {name for name, chunks in functions.items() if any(_TAKES_GRADIENTS.search(c.code) for c in chunks)}
    if not training:
        return set()
    calls = {name: _called(chunks, on_self) & functions.keys() for name, chunks in functions.items()}
    while callers := {name for name, called in calls.items() if called & training} - training:
        training |= callers
    used = set(training)
    todo = list(training)
    while todo:
        for name in calls[todo.pop()] - used:
            if not _EVALUATES & set(words(name)):
                used.add(name)
                todo.append(name)
    return used


def _reached(functions: Mapping[str, list[Chunk]], start: Iterable[str]) -> set[str]:
    reached: set[str] = set()
    todo = list(start)
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += _called(functions[name], on_self=True) & functions.keys()
    return reached


def _called(chunks: list[Chunk], on_self: bool) -> set[str]:
    return {name for c in chunks for name in (c.called_on_self if on_self else c.called_names)}
