"""A fixed piece of work to hold throughput against: the machine's own speed, measured between the blocks.

Items per second mean little on another machine or day; their ratio to this kernel means more. Where torch or numpy is
loaded already it is a matrix product as inference does them: a small batch of tokens times one layer's weights after
the other, 20 MB in all, sized for the placement. A product that stays in the cache slows down a third as much as a
model where neighbours take memory bandwidth (`benchmarks/travel.py`). Where neither is loaded it is hashing.
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
    name = f"float32 {tokens}x{_WIDTH}x{_WIDTH} matrix products, {_LAYERS} of them"
    torch: Any = sys.modules.get("torch")
    if hasattr(torch, "mm"):
        batch = torch.full((tokens, _WIDTH), 0.5)
        layers = [torch.full((_WIDTH, _WIDTH), 1 / _WIDTH) for _ in range(_LAYERS)]
        out = torch.empty((tokens, _WIDTH))

        def multiply_torch() -> None:
            with torch.inference_mode():
                for weights in layers:
                    torch.mm(batch, weights, out=out)

        return multiply_torch, f"torch {name}"
    numpy: Any = sys.modules.get("numpy")
    if hasattr(numpy, "matmul"):
        rows = numpy.full((tokens, _WIDTH), 0.5, dtype=numpy.float32)
        matrices = [numpy.full((_WIDTH, _WIDTH), 1 / _WIDTH, dtype=numpy.float32) for _ in range(_LAYERS)]
        result = numpy.empty((tokens, _WIDTH), dtype=numpy.float32)

        def multiply_numpy() -> None:
            for weights in matrices:
                numpy.matmul(rows, weights, out=result)

        return multiply_numpy, f"numpy {name}"
    data = bytes(1 << 20)
    return (lambda: hashlib.sha256(data).digest()), "sha256 of 1 MiB"
