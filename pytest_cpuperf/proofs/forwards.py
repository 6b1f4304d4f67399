"""One call of a torch module on fixed inputs, as experiments time it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.proofs.base import Subject
from pytest_cpuperf.proofs.bucketing.jobs import as_job
from pytest_cpuperf.proofs.encoders import is_sentence_transformer, main_output, unwrapped
from pytest_cpuperf.proofs.models import first_line

Forward = Callable[[], Any]
_LONG_TEXTS = 8


def is_torch_module(model: Any) -> bool:
    """Return whether something is a torch module; imports nothing."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


def forward_of(model: Any, inputs: Any) -> Forward:
    """Return what runs a torch module on its inputs: a mapping by name, a tuple in order, or the only one.

    Raises UsageError for what is no torch module, and for one in training mode.
    """
    if not is_torch_module(model):
        raise UsageError(f"expected a torch module, found {type(model).__name__}")
    if model.training:
        raise UsageError(f"{type(model).__name__} is in training mode, where outputs are random: call .eval() first")
    if isinstance(inputs, Mapping) and not is_sentence_transformer(model):
        return lambda: model(**inputs)
    if isinstance(inputs, (tuple, list)):
        return lambda: model(*inputs)
    return lambda: model(dict(inputs) if isinstance(inputs, Mapping) else inputs)


def in_inference_mode(forward: Forward) -> Forward:
    """Return a forward under `torch.inference_mode`."""
    import torch

    def run() -> Any:
        with torch.inference_mode():
            return forward()

    return run


def output_of(forward: Forward, named: str) -> Any:
    """Return the array that a forward, named for the message, returns. Raises UsageError where the model raises."""
    try:
        return main_output(forward())
    except (RuntimeError, TypeError, ValueError) as error:
        raise UsageError(f"the model raises an error {named}: {first_line(error)}") from None


def module_and_batches(subject: Subject) -> tuple[Any, Any, Any]:
    """Return a subject's torch module, a batch of eight texts of the longest quarter, and one of a single short text.

    A quarter of all texts are shorter than that one. Raises UsageError where texts cannot be tokenised.
    """
    job = as_job(subject.model, subject.tokenizer, subject.texts, _LONG_TEXTS, None)
    model, _ = unwrapped(subject.model, subject.tokenizer)
    by_length = sorted(job.tokenise().values(), key=len)
    first_long = 3 * len(by_length) // 4
    long, short = by_length[first_long : first_long + _LONG_TEXTS], by_length[len(by_length) // 4]
    return model, job.pad(long, None), job.pad([short], None)
