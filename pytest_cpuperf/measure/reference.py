"""A fixed piece of work to hold throughput against: the machine's own speed, measured between the blocks.

Items per second mean little on another machine or day; their ratio to this kernel means more, the more so the more the
kernel does what models do. Where torch or numpy is loaded already it is five layers: a small batch of tokens, sized for
the placement, times a layer's weights (20 MB in all), an activation and a residual, each into memory allocated anew. Of
MiniLM's differences between runs it leaves a third without the activations, a quarter with them, and more than half
where the product stays in the cache (`docs/method.md`). Where neither is loaded it is hashing.
"""

from __future__ import annotations

import hashlib
import sys
from typing import Any

from pytest_cpuperf.measure.blocks import Work

_TOKENS_PER_CPU = 256  # work grows with the CPUs, so that a call takes some tens of milliseconds on any placement
_WIDTH = 1024
_LAYERS = 5


def reference_kernel(cpu_count: int) -> tuple[Work, str]:
    """Return the kernel for a placement of `cpu_count` CPUs, and its name.

    Only runs stored with the same name can be held against each other.
    """
    tokens = _TOKENS_PER_CPU * cpu_count
    name = f"{_LAYERS} float32 layers of {_WIDTH} on {tokens} tokens"
    torch: Any = sys.modules.get("torch")
    if hasattr(torch, "mm"):
        batch = torch.full((tokens, _WIDTH), 0.5)
        layers = [torch.full((_WIDTH, _WIDTH), 1 / _WIDTH) for _ in range(_LAYERS)]

        def torch_layers() -> None:
            with torch.inference_mode():
                for weights in layers:
                    torch.nn.functional.gelu(torch.mm(batch, weights)) + batch

        return torch_layers, f"torch {name}"
    numpy: Any = sys.modules.get("numpy")
    if hasattr(numpy, "matmul"):
        rows = numpy.full((tokens, _WIDTH), 0.5, dtype=numpy.float32)
        matrices = [numpy.full((_WIDTH, _WIDTH), 1 / _WIDTH, dtype=numpy.float32) for _ in range(_LAYERS)]

        def numpy_layers() -> None:
            for weights in matrices:
                numpy.tanh(numpy.matmul(rows, weights)) + rows

        return numpy_layers, f"numpy {name}"
    data = bytes(1 << 20)
    return (lambda: hashlib.sha256(data).digest()), "sha256 of 1 MiB"
