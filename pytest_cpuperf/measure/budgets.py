"""What a test may write as a budget: a number, or a share of something measured: `90% of main`, `40% of peak`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from pytest_cpuperf.errors import UsageError

_SHARE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*of\s+(\S+)\s*")
PEAK = "peak"


@dataclass(frozen=True)
class BudgetShare:
    """A share of a stored run's speed, or of the machine's peak."""

    fraction: float
    of: str
    """A stored run's name, or `peak`."""


def read_budget(value: object, *, shares: bool = False) -> float | BudgetShare | None:
    """Return a budget as a number or a share; None for none. Raises UsageError where it is neither."""
    if value is None:
        return None
    expected = "a number above 0, '90% of NAME' or '40% of peak'" if shares else "a number above 0"
    if shares and isinstance(value, str) and (found := _SHARE.fullmatch(value)):
        fraction = float(found[1]) / 100
        if fraction > 0:
            return BudgetShare(fraction, found[2])
    if is_number(value) and value > 0:  # type: ignore[operator]
        return float(value)  # type: ignore[arg-type]
    raise UsageError(f"at_least takes {expected}, found {value!r}")


def is_number(value: object) -> bool:
    """Return whether a value is a finite number, and not a bool."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
