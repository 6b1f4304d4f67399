"""One way to call whatever runs a batch: a torch module, an onnxruntime session, or any `callable(batch)`."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_cpuperf.errors import MissingExtraError, UsageError

Batch = Mapping[str, Any]
"""What a tokenizer returns: arrays of shape (sequences, tokens) by input name."""


@dataclass(frozen=True)
class Encoder:
    """How to run one padded batch."""

    run: Callable[[Batch], Any]
    """Returns an array: first axis sequences, second tokens where the model gives a vector per token."""
    tensors: str
    """What the tokenizer shall return: `pt` (torch) or `np` (numpy)."""


def as_encoder(model: Any) -> Encoder:
    """Return how to run `model`, or raise UsageError where it is nothing that can run a batch."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(model, torch.nn.Module):
        if model.training:
            raise UsageError(
                f"{type(model).__name__} is in training mode, where outputs are random: call .eval() first"
            )

        def run_module(batch: Batch) -> Any:
            with torch.inference_mode():
                return main_output(model(**batch))

        return Encoder(run_module, "pt")
    if hasattr(model, "get_inputs") and hasattr(model, "run"):
        names = {i.name for i in model.get_inputs()}
        return Encoder(lambda batch: model.run(None, {k: v for k, v in batch.items() if k in names})[0], "np")
    if callable(model):
        return Encoder(lambda batch: main_output(model(batch)), "pt" if torch is not None else "np")
    raise UsageError(f"expected a torch module, an onnxruntime session or a callable, found {type(model).__name__}")


def main_output(output: Any) -> Any:
    """Return the array a model is run for, out of the several ways models return it."""
    for name in ("last_hidden_state", "logits", "sentence_embedding"):
        value = output.get(name) if isinstance(output, Mapping) else getattr(output, name, None)
        if value is not None:
            return value
    if isinstance(output, (tuple, list)) and output and hasattr(output[0], "shape"):
        return output[0]
    if hasattr(output, "shape"):
        return output
    raise UsageError(
        "expected the model to return an array, or an output with last_hidden_state or logits; "
        f"found {type(output).__name__}"
    )


def require(package: str, feature: str, extra: str) -> None:
    """Raise MissingExtraError where a package that `feature` needs is not installed. Imports nothing."""
    if package not in sys.modules and importlib.util.find_spec(package) is None:
        raise MissingExtraError(feature, package, extra)


def rows(output: Any, lengths: Sequence[int], padded_to: int, left: bool) -> list[Any]:
    """Return each sequence's part of a batch output: its real positions, or its one vector.

    `output` has shape (sequences, padded_to, …) or (sequences, …); the rows are views into it.
    """
    if len(output.shape) < 2 or output.shape[1] != padded_to or len(output.shape) == 2:
        return list(output)
    return [row[padded_to - n :] if left else row[:n] for row, n in zip(output, lengths, strict=True)]
