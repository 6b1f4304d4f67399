"""What starting fresh processes will cost, told before the first test runs where it counts."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from pytest_cpuperf.run.state import is_measured

_MUCH_SECONDS = 30.0


def starting_cost(
    items: Iterable[pytest.Item], what: str, fewest_seconds: float, most_seconds: float, importing_seconds: float
) -> list[str]:
    """Return the line that tells the cost, or nothing where it is small or no test measures.

    `what` says of the tests what the processes are for; the seconds are those of one test.
    """
    measured = sum(map(is_measured, items))
    least = measured * fewest_seconds
    if least < _MUCH_SECONDS:
        return []
    tests = "1 test is" if measured == 1 else f"{measured} tests are"
    span = f"{least:.0f} to {measured * most_seconds:.0f}" if most_seconds > fewest_seconds else f"{least:.0f}"
    return [
        f"cpuperf: {tests} {what}; importing took {importing_seconds:.1f} s here, so starting them takes about "
        f"{span} s in all"
    ]
