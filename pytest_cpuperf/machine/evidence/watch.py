"""Reads the evidence: counters before and after some blocks, and the difference between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pytest_cpuperf.clock import now
from pytest_cpuperf.machine.evidence.base import Moment, Quantity, Sources, Value
from pytest_cpuperf.machine.evidence.disturbance import with_disturbance
from pytest_cpuperf.machine.evidence.files import busy_and_steal_seconds
from pytest_cpuperf.machine.evidence.processes import ProcessCounters, read_process
from pytest_cpuperf.machine.limits import pressure_file, read_limits
from pytest_cpuperf.results.evidence import Evidence


class Watch:
    """Reads the counters that matter for one placement."""

    def __init__(self, cpus: Iterable[int], elsewhere: Sequence[Callable[[], ProcessCounters | None]] = ()) -> None:
        """Watch some CPUs. `elsewhere` read the counters of other processes that work for us there."""
        cpus = tuple(cpus)
        self._sources = Sources(cpus, read_limits().throttle_file, pressure_file("cpu"), pressure_file("memory"))
        self._names = tuple(f"cpu{c} ".encode() for c in cpus)
        self._elsewhere = elsewhere

    def read(self) -> Moment:
        """Return the counters now. Costs well under a millisecond; call it between blocks, not in them."""
        busy, steal = busy_and_steal_seconds(self._names)
        moment = Moment(
            wall=now(),
            sources=self._sources,
            busy=busy,
            steal=steal,
            processes=(read_process(), *(c for c in (read() for read in self._elsewhere) if c is not None)),
        )
        for name, quantity in Quantity.known.items():
            moment.readings[name] = quantity.read(moment)
        return moment

    def between(self, first: Moment, last: Moment) -> Evidence:
        """Return what happened between two readings, and whether it disturbed them."""
        before, after = first.own("cpu_seconds"), last.own("cpu_seconds")
        evidence = Evidence(
            wall_seconds=last.wall - first.wall,
            own_seconds=max(0.0, (after or 0.0) - (before or 0.0)),
            cpus=max(1, len(self._sources.cpus)),
            quantities={name: quantity.between(first, last) for name, quantity in Quantity.known.items()},
        )
        return with_disturbance(evidence)


def total(parts: Iterable[Evidence]) -> Evidence | None:
    """Return some blocks' evidence put together, its `disturbance` by the same rule; None for no blocks."""
    parts = list(parts)
    if not parts:
        return None
    seconds = [p.wall_seconds for p in parts]

    def combined(quantity: Quantity) -> Value:
        values = [p.quantities.get(quantity.name) for p in parts]
        known = [v for v in values if v is not None]
        return quantity.combine(known, seconds) if len(known) == len(values) else None

    return with_disturbance(
        Evidence(
            wall_seconds=sum(seconds),
            own_seconds=sum(p.own_seconds for p in parts),
            cpus=parts[0].cpus,
            quantities={name: combined(quantity) for name, quantity in Quantity.known.items()},
        )
    )
