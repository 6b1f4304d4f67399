"""A fixed piece of work to hold throughput against: the machine's own speed, measured between the blocks.

Items per second mean little on another machine or day; their ratio to this kernel means more. It is a matrix
product, sized for the placement, where torch or numpy is loaded already, and hashing where neither is.
"""

from __future__ import annotations

import hashlib
import math
import sys
from typing import Any

from pytest_cpuperf.measure.blocks import Work


def reference_kernel(cpu_count: int) -> tuple[Work, str]:
    """Return the kernel for a placement of `cpu_count` CPUs, and its name.

    Only runs stored with the same name can be held against each other.
    """
    # Work grows with the CPUs, so that a call stays in the low milliseconds on any placement.
    side = 384 * math.ceil(math.sqrt(cpu_count))
    torch: Any = sys.modules.get("torch")
    if hasattr(torch, "mm"):
        a = torch.full((side, side), 0.5)
        b = torch.full((side, side), 0.25)
        out = torch.empty((side, side))

        def multiply_torch() -> None:
            with torch.inference_mode():
                torch.mm(a, b, out=out)

        return multiply_torch, f"torch float32 {side}x{side} matrix product"
    numpy: Any = sys.modules.get("numpy")
    if hasattr(numpy, "matmul"):
        left = numpy.full((side, side), 0.5, dtype=numpy.float32)
        right = numpy.full((side, side), 0.25, dtype=numpy.float32)
        result = numpy.empty((side, side), dtype=numpy.float32)
        return (lambda: numpy.matmul(left, right, out=result)), f"numpy float32 {side}x{side} matrix product"
    data = bytes(1 << 20)
    return (lambda: hashlib.sha256(data).digest()), "sha256 of 1 MiB"
