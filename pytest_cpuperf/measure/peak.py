"""The most floating-point operations a placement does each second, and how many a function does in a call."""

from __future__ import annotations

import math
import sys
from typing import Any

from pytest_cpuperf.errors import MissingExtraError, UsageError
from pytest_cpuperf.measure.blocks import Work, time_block

_SIDES = (512, 1024, 2048)


def peak_kernel(cpu_count: int) -> tuple[Work, float, str]:
    """Return the fastest matrix product here, its floating-point operations, and its name.

    Peak is what torch's own float32 product reaches on this placement, not what the processor's data sheet says: of a
    few sizes the one with the most operations a second. Raises MissingExtraError where torch is not loaded.
    """
    torch: Any = sys.modules.get("torch")
    if not hasattr(torch, "mm"):
        raise MissingExtraError("a budget of '… of peak'", "torch", "torch")
    best: tuple[float, Work, float, str] | None = None
    for side in _SIDES:
        side *= math.ceil(math.sqrt(max(1, cpu_count / 2)))
        work = _product(torch, side)
        work()
        flops = 2.0 * side**3
        speed = flops / min(time_block(work, 1) for _ in range(3))
        if best is None or speed > best[0]:
            best = speed, work, flops, f"torch float32 {side}x{side} matrix product"
    assert best is not None
    return best[1:]


def _product(torch: Any, side: int) -> Work:
    a, b = torch.full((side, side), 0.5), torch.full((side, side), 0.25)
    out = torch.empty((side, side))

    def multiply() -> None:
        with torch.inference_mode():
            torch.mm(a, b, out=out)

    return multiply


def count_flops(work: Work) -> float:
    """Return the floating-point operations of one call, as torch.utils.flop_counter counts them.

    It counts matrix products, convolutions and attention, which are nearly all of a model's work, and knows nothing of
    other libraries. Raises UsageError where it finds none.
    """
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        work()
    flops = float(counter.get_total_flops())
    if flops <= 0:
        raise UsageError(
            "a budget of '… of peak' needs floating-point work that torch can count, found none in a call",
            "onnxruntime and numpy are not counted: give a number of items per second, or '90% of NAME'",
        )
    return flops
