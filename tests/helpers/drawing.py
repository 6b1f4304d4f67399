"""Draws by a seed that is printed where one of them does harm."""

import os
import random
import secrets
from contextlib import contextmanager

import pytest

COUNT = int(os.environ.get("CPUPERF_FUZZ_COUNT", "1500"))
"""How much is drawn: so many mutants of each kind, a fault for each hundred."""
SEED = int(os.environ.get("CPUPERF_FUZZ_SEED") or secrets.randbelow(2**32))
"""What repeats a run's draws."""


def drawn(what):
    """Return where the draws of one kind come from."""
    return random.Random(f"{SEED} {what}")


@contextmanager
def told(what):
    """Fail with the seed and with what was drawn, whatever goes wrong."""
    try:
        yield
    except Exception as error:
        pytest.fail(f"CPUPERF_FUZZ_SEED={SEED}, {what}\n{type(error).__name__}: {error}")
