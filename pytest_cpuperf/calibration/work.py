"""A function and slower versions of it: they do more work, and do not sleep.

Run as `python -m pytest_cpuperf.calibration.work [module:name]` it measures how long a call takes, and how long the
small piece of work takes of which slower versions do more, and prints both as JSON.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from pytest_cpuperf.clock import now

_PIECE = bytes(1024)  # hashing it takes a microsecond or two
_SHORTEST_SECONDS = 0.001
_MEASURED_SECONDS = 1.0
_DEFAULT_ROUNDS = 20_000


@dataclass(frozen=True)
class Cost:
    """What a call takes on this machine."""

    call_seconds: float
    piece_seconds: float

    @property
    def calls(self) -> int:
        """How many calls are measured as one: short calls leave no room for a small piece of work."""
        return max(1, round(_SHORTEST_SECONDS / self.call_seconds))

    def pieces(self, slower_by: float) -> int:
        """Return how many pieces of work take so large a share of these calls."""
        return round(slower_by * self.calls * self.call_seconds / self.piece_seconds)


def load(name: str | None) -> Callable[[], object]:
    """Return the function called `module:name`, found as `python -m` finds modules, or the default one for None.

    Raises ValueError where it cannot be had.
    """
    if name is None:
        return default_function
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise ValueError(f"expected module:name, found {name!r}")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        function = getattr(importlib.import_module(module), attribute)
    except Exception as error:  # whatever the module raises
        raise ValueError(f"{name} cannot be had: {type(error).__name__}: {error}") from None
    if not callable(function):
        raise ValueError(f"{name} is expected to be a function to call without arguments, found {function!r}")
    return function  # type: ignore[no-any-return]


def default_function() -> int:
    """Do some arithmetic in pure Python: about a millisecond."""
    total = 0
    for i in range(_DEFAULT_ROUNDS):
        total += i * i % 7
    return total


def version(name: str | None, calls: int, pieces: int) -> Callable[[], object]:
    """Return a function that does so many calls of the named one, and so many pieces of other work after them."""
    function = load(name)
    repeat, more = range(calls), range(pieces)

    def work() -> None:
        for _ in repeat:
            function()
        for _ in more:
            hashlib.sha256(_PIECE).digest()

    return work


def cost(function: Callable[[], object]) -> Cost:
    """Measure what a call takes, in turn with a piece of work. Whatever the function raises is let through."""
    began = now()
    function()
    calls: list[float] = []
    pieces: list[float] = []
    while len(calls) < 3 or now() - began < _MEASURED_SECONDS:
        start = now()
        function()
        middle = now()
        for _ in range(100):
            hashlib.sha256(_PIECE).digest()
        calls.append(middle - start)
        pieces.append((now() - middle) / 100)
    return Cost(max(median(calls), 1e-7), median(pieces))


def _main(name: str | None) -> dict[str, object]:
    try:
        function = load(name)
    except ValueError as error:
        return {"error": str(error)}
    try:
        found = cost(function)
    except Exception as error:  # whatever the function raises
        return {"error": f"it raised {type(error).__name__}: {error}"}
    return {"call_seconds": found.call_seconds, "piece_seconds": found.piece_seconds}


if __name__ == "__main__":
    print(json.dumps(_main(sys.argv[1] if len(sys.argv) > 1 else None)))
