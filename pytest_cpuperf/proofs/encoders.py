"""One way to call whatever runs a batch: a torch module, a sentence-transformers model, a transformers pipeline, an
onnxruntime session, or any `callable(batch)`.
"""

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

    def padded(self, ids: Sequence[Sequence[int]], longest: int) -> Batch:
        """Return a batch of token ids, padded on the right with id 0, and its attention mask."""
        table = [[*sequence, *[0] * (longest - len(sequence))] for sequence in ids]
        mask = [[1] * len(sequence) + [0] * (longest - len(sequence)) for sequence in ids]
        if self.tensors == "pt":
            import torch

            return {"input_ids": torch.tensor(table), "attention_mask": torch.tensor(mask)}
        import numpy

        return {"input_ids": numpy.array(table), "attention_mask": numpy.array(mask)}

    def rows(self, output: Any, batch: Batch, lengths: Sequence[int], left: bool) -> list[Any]:
        """Return a copy of each sequence's part of a batch output: its real positions, or its one vector.

        `output` has shape (sequences, tokens, …) or (sequences, …).
        """
        padded_to = batch["input_ids"].shape[1]
        rows = list(output)
        if len(output.shape) > 2 and output.shape[1] == padded_to:
            rows = [row[padded_to - n :] if left else row[:n] for row, n in zip(output, lengths, strict=True)]
        # A view would keep the whole batch, padding included, until the last batch is done.
        return [row.clone() if hasattr(row, "clone") else row.copy() for row in rows]


def unwrapped(model: Any, tokenizer: Any) -> tuple[Any, Any]:
    """Return the model and the tokenizer of a pipeline or a sentence-transformers model; others as they are."""
    if hasattr(model, "task") and hasattr(model, "model") and hasattr(model, "tokenizer"):
        return model.model, tokenizer or model.tokenizer
    if is_sentence_transformer(model):
        return model, tokenizer or model.tokenizer
    return model, tokenizer


def longest_input(model: Any) -> int | None:
    """Return the most tokens a model takes, as its configuration says; None where it does not say."""
    if is_sentence_transformer(model):
        model = getattr(model[0], "auto_model", model)
    most = getattr(getattr(model, "config", None), "max_position_embeddings", None)
    return most if isinstance(most, int) and most > 0 else None


def as_encoder(model: Any) -> Encoder:
    """Return how to run `model`, or raise UsageError where it is nothing that can run a batch."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(model, torch.nn.Module):
        if model.training:
            raise UsageError(
                f"{type(model).__name__} is in training mode, where outputs are random: call .eval() first"
            )
        # A sentence-transformers model takes the batch as one dictionary.
        whole = is_sentence_transformer(model)

        def run_module(batch: Batch) -> Any:
            with torch.inference_mode():
                return main_output(model(dict(batch)) if whole else model(**batch))

        return Encoder(run_module, "pt")
    if hasattr(model, "get_inputs") and hasattr(model, "run"):
        return Encoder(_session_runner(model), "np")
    if callable(model):
        return Encoder(lambda batch: main_output(model(batch)), "pt" if torch is not None else "np")
    raise UsageError(f"expected a torch module, an onnxruntime session or a callable, found {type(model).__name__}")


def _session_runner(session: Any) -> Callable[[Batch], Any]:
    import numpy

    names = [i.name for i in session.get_inputs()]

    def run(batch: Batch) -> Any:
        feeds = {name: batch[name] for name in names if name in batch}
        if "token_type_ids" in names and "token_type_ids" not in feeds:
            feeds["token_type_ids"] = numpy.zeros_like(batch["input_ids"])
        return session.run(None, feeds)[0]

    known = {"input_ids", "attention_mask", "token_type_ids"}
    strange = [name for name in names if name not in known]
    if strange:
        raise UsageError(f"expected a session that takes {', '.join(sorted(known))}; this one takes {strange[0]!r} too")
    return run


def main_output(output: Any) -> Any:
    """Return the array a model is run for, out of the several ways models return it."""
    for name in ("sentence_embedding", "last_hidden_state", "logits"):
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


def has_dynamic_int8(model: Any) -> bool:
    """Return whether a model's activations are quantised with scales taken from each batch."""
    if hasattr(model, "modules"):
        return any("quantized.dynamic" in type(module).__module__ for module in model.modules())
    path = getattr(model, "_model_path", None)
    if path is None or importlib.util.find_spec("onnx") is None:
        return False
    import onnx

    nodes = onnx.load(path, load_external_data=False).graph.node
    return any(node.op_type in ("DynamicQuantizeLinear", "DynamicQuantizeMatMul") for node in nodes)


def is_sentence_transformer(model: Any) -> bool:
    """Return whether a model is of sentence-transformers: it takes a batch as one dictionary."""
    return all(hasattr(model, name) for name in ("encode", "tokenize", "tokenizer", "get_max_seq_length"))
