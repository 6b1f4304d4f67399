"""The heuristics: claims about CPU inference, each with its source.

Rules say which heuristic they find broken, proofs say which they judge; both by the names in `HEURISTICS`.
"""

from __future__ import annotations

from dataclasses import dataclass

_GUIDE = "https://github.com/pytorch/serve/blob/master/docs/performance_guide.md"
_CHECKLIST = "https://github.com/pytorch/serve/blob/master/docs/performance_checklist.md"
_CPU_RECIPE = "https://docs.pytorch.org/tutorials/recipes/recipes/tuning_guide.html"
_ORT_THREADS = "https://onnxruntime.ai/docs/performance/tune-performance/threading.html"
_HANDLER = "https://github.com/pytorch/serve/blob/master/ts/torch_handler/base_handler.py"


@dataclass(frozen=True)
class Heuristic:
    """A claim about CPU inference."""

    name: str
    claim: str
    """What is promised, in the words a user would repeat."""
    promised: str
    """The size of the promise, for tables."""
    source: str
    """Where the claim is made."""


HEURISTICS: dict[str, Heuristic] = {
    h.name: h
    for h in (
        Heuristic(
            "core-pinning",
            "pinning each worker to the cores of one NUMA node makes it faster",
            "10-30 %",
            _GUIDE,
        ),
        Heuristic(
            "ort-threads",
            "onnxruntime sessions want intra_op_num_threads set to the CPUs there are",
            "logical CPUs",
            _HANDLER,
        ),
        Heuristic(
            "inference-mode",
            "torch.inference_mode is faster than torch.no_grad",
            "a gain",
            _CHECKLIST,
        ),
        Heuristic(
            "constant-padding",
            "padding short texts to a constant length wastes orders of magnitude",
            "orders of magnitude",
            _CHECKLIST,
        ),
        Heuristic(
            "bucketing",
            "batching texts of similar length together makes inference faster",
            "up to 2x",
            _CHECKLIST,
        ),
        Heuristic(
            "int8",
            "INT8 quantization makes inference faster, at some loss of accuracy",
            "faster",
            _CHECKLIST,
        ),
        Heuristic(
            "half-precision",
            "bfloat16 or float16 makes inference faster",
            "faster",
            _CPU_RECIPE,
        ),
        Heuristic(
            "ort-spinning",
            "onnxruntime's threads that spin between runs make sessions faster",
            "lower latency",
            _ORT_THREADS,
        ),
    )
}
