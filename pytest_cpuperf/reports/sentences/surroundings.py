"""Where and how a measurement ran, where that is not as it should be, in words."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_cpuperf.reports.sentences.base import sentence
from pytest_cpuperf.results.figures import format_cpus
from pytest_cpuperf.results.remarks import surroundings

_MOST_NAMES = 3


@sentence.register
def _(remark: surroundings.ThreadsOutside) -> str:
    threads = "a thread" if remark.count == 1 else f"{remark.count} threads"
    cpus = f"CPU{'' if len(remark.cpus) == 1 else 's'} {format_cpus(remark.cpus)}"
    return f"{threads} ({_some(remark.names)}) could run outside the placement, on {cpus}"


@sentence.register
def _(remark: surroundings.MemoryElsewhere) -> str:
    return f"{remark.share:.0%} of the process's memory is on another node: load the model in the test"


@sentence.register
def _(remark: surroundings.Traced) -> str:
    slower = "which makes Python code slower"
    if remark.tracer:
        return f"a tracer was on while it was timed, {slower}: {remark.tracer}"
    return (
        f"a tracer is on, and cannot be taken off threads that run already ({_some(remark.threads)}), {slower}: "
        "measure without it"
    )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
