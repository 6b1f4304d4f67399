"""The `cpuperf` fixture: the words a test speaks.

With `--cpuperf` each method measures and returns a frozen record; given a budget it fails the test, or calls it
inconclusive, by itself. Without it each measured function runs once and nothing is timed.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.measure.budgets import BudgetShare, is_number, read_budget
from pytest_cpuperf.measure.calls import call_once, plain_function
from pytest_cpuperf.results.figures import format_cpus
from pytest_cpuperf.results.measurements import (
    AgainstMeasurement,
    BucketingMeasurement,
    ComparisonMeasurement,
    LatencyMeasurement,
    Measurement,
    ThroughputMeasurement,
)
from pytest_cpuperf.results.placement import Placement
from pytest_cpuperf.results.remarks import Remark
from pytest_cpuperf.results.remarks.measuring import NotMeasured, SpeedChanged, ThreadsLeft
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Budget, Estimate, Verdict

if TYPE_CHECKING:
    from pytest_cpuperf.measure.against import OtherSide
    from pytest_cpuperf.measure.stored import History
    from pytest_cpuperf.results.calibration import Calibration

Record = TypeVar("Record", bound=Measurement)

_MANY_THREADS = 64  # more than pools that a model makes once


class BudgetFailed(AssertionError):
    """A measured budget was not met. The message is the explanation."""


class Live(Protocol):
    """A line that shows how far a measurement is."""

    def __call__(self, count: int, estimate: Estimate | None, seconds_left: float) -> None:
        """Show it."""

    def clear(self) -> None:
        """Take the line away."""


@dataclass(repr=False)
class CpuPerf:
    """What a test measures with; made anew for each test."""

    placement: Placement | None
    """Where this test runs and why, or None when the plugin is off."""
    max_seconds: float = 20.0
    confidence: float = 0.95
    explain: Callable[[Measurement], str] = field(default=lambda record: str(record.reason))
    """Renders a record as the text a failed budget shows."""
    history: History | None = None
    """The stored runs that throughput is held against; None where there can be none."""
    calibration: Calibration | None = None
    """What budgets this machine supports, where that was measured."""
    live: Live | None = None
    """Shows how far a measurement is, on a terminal."""
    against: OtherSide | None = None
    """The other revision that each function is measured against, too."""
    serve: Callable[[str, Callable[[], object]], None] | None = None
    """Lets another process time a function: this one runs at the other revision, and judges nothing."""
    outside: Callable[[], list[Remark]] = list
    """Reads what is outside the placement when a measurement has ended."""
    records: list[Measurement] = field(default_factory=list)
    """What this test measured so far, in order."""
    _loops: list[asyncio.AbstractEventLoop] = field(default_factory=list)
    _threads_before: int = field(default_factory=threading.active_count)

    def __repr__(self) -> str:
        # pytest shows the fixture in every traceback.
        return f"<cpuperf on CPUs {format_cpus(self.cpus)}>" if self.placement else "<cpuperf, not measuring>"

    @property
    def measuring(self) -> bool:
        """Whether figures are measured in this run (`--cpuperf`)."""
        return self.placement is not None

    @property
    def cpus(self) -> tuple[int, ...]:
        """The CPUs this test is placed on; empty when the plugin is off."""
        return self.placement.cpus if self.placement else ()

    def throughput(
        self,
        function: Callable[[], object],
        *,
        items: float,
        unit: str = "items",
        at_least: float | str | None = None,
        label: str | None = None,
        max_seconds: float | None = None,
    ) -> ThroughputMeasurement:
        """Measure how many items per second `function` does; it does `items` of them in a call.

        `at_least` is the budget: items per second; `"90% of main"`, a share of what the run stored as `main` reached
        relative to its machine (`--cpuperf-save main`); or `"40% of peak"`, a share of the floating-point operations
        per second that a matrix product reaches on these CPUs. Blocks of calls are interleaved with a reference
        kernel, so that the record also tells the speed relative to this machine's own (`.relative`).
        """
        __tracebackhide__ = True
        function = plain_function("function", function, self._loops)
        if not is_number(items) or items <= 0:
            raise UsageError(f"items takes a number above 0, found {items!r}")
        goal = read_budget(at_least, shares=True)
        label = label or "throughput"
        per_second = Unit(f"{unit}/s")
        lazy = call_once(function)
        if self._only_runs(label, function):
            budget = None if goal is None or isinstance(goal, BudgetShare) else Budget(goal, per_second)
            return self._unmeasured(ThroughputMeasurement, label, budget, per_second)
        # Deferred: the idle plugin imports nothing that measures.
        from pytest_cpuperf.measure.stored import held_against_stored
        from pytest_cpuperf.measure.throughput import measure_throughput

        patience = self._patience(max_seconds)
        record = measure_throughput(function, items, unit, goal, patience, self.cpus)
        record = replace(record, label=label, notes=(*record.notes, *lazy))
        if self.history is not None:
            record = held_against_stored(record, goal, self.history, patience)
        record = self._conclude(record)
        self._hold_against(label, max_seconds)
        return record

    def latency(
        self,
        function: Callable[[], object],
        *,
        p: float = 0.9,
        at_most: float | None = None,
        label: str | None = None,
        max_seconds: float | None = None,
    ) -> LatencyMeasurement:
        """Measure a percentile of the seconds single calls of `function` take: `p=0.9` is p90.

        `at_most` is the budget in seconds. An interval needs enough calls to say anything of so rare a call: 42 for
        p90 at 95 %, 652 for p99 at 99 %, and several times as many where slow calls come in spells.
        """
        __tracebackhide__ = True
        function = plain_function("function", function, self._loops)
        if not is_number(p) or not 0.01 <= p <= 0.9999:
            raise UsageError(f"p takes a number from 0.01 to 0.9999, found {p!r}: p90 is p=0.9")
        if at_most is not None and not (is_number(at_most) and at_most > 0):
            raise UsageError(f"at_most takes seconds above 0, found {at_most!r}")
        budget = None if at_most is None else Budget(None, Unit("s"), float(at_most))
        label = label or f"p{100 * p:g} latency"
        lazy = call_once(function)
        if self._only_runs(label, function):
            return self._unmeasured(LatencyMeasurement, label, budget, Unit("s"))
        from pytest_cpuperf.measure.latency import measure_latency

        outcome = measure_latency(function, p, at_most, self._patience(max_seconds), self.cpus)
        record = LatencyMeasurement(label=label, budget=budget, **outcome.fields)
        record = self._conclude(replace(record, notes=(*record.notes, *lazy)))
        self._hold_against(label, max_seconds)
        return record

    def compare(
        self,
        candidate: Callable[[], object],
        baseline: Callable[[], object],
        *,
        at_least: float | None = None,
        label: str | None = None,
        max_seconds: float | None = None,
    ) -> ComparisonMeasurement:
        """Measure the speedup of `candidate` over `baseline`, which do the same work; 2.0 is twice as fast.

        `at_least` is the budget for the speedup. Where both are equally fast, `at_least=1.0` cannot be decided by
        any measurement: ask for the loss you would mind, for example `at_least=0.95`.
        """
        __tracebackhide__ = True
        candidate = plain_function("candidate", candidate, self._loops)
        baseline = plain_function("baseline", baseline, self._loops)
        budget = _budget(at_least, Unit("×"))
        label = label or "candidate over baseline"
        lazy = call_once(candidate) + call_once(baseline)
        if self._only_runs(label, candidate):
            return self._unmeasured(ComparisonMeasurement, label, budget, Unit("×"))
        from pytest_cpuperf.measure.pairs import Quantity, measure_pairs, speedup

        quantity = Quantity(speedup, Unit("×"), at_least)
        outcome = measure_pairs(candidate, baseline, quantity, self._patience(max_seconds), self.cpus)
        record = ComparisonMeasurement(label=label, budget=budget, **outcome.fields)
        record = self._conclude(replace(record, notes=(*record.notes, *lazy)))
        self._hold_against(label, max_seconds)
        return record

    def bucketing(
        self,
        model: Any,
        tokenizer: Any,
        texts: Sequence[Any],
        *,
        batch_size: int = 32,
        max_length: int | None = None,
        at_least: float | None = None,
        over: str = "padded",
        tolerance: float = 1e-4,
        label: str | None = None,
        max_seconds: float | None = None,
    ) -> BucketingMeasurement:
        """Measure what planned batches are worth over padding, for this model and these texts.

        `model` is a torch module in eval mode, an onnxruntime session, or a `callable(batch)`; or, with
        `tokenizer=None`, a transformers pipeline or a sentence-transformers model, which bring their own.
        `texts` may be lists of token ids or lengths, too. `over` is the baseline: `padded` (every batch of
        `batch_size` to `max_length`) or `arrival` (each to its longest text). `max_length` is 512 tokens, or
        the most that the model takes. Outputs must agree with those of each text on its own within `tolerance`,
        in the original order. `at_least` is the budget for the speedup.
        """
        __tracebackhide__ = True
        from pytest_cpuperf.proofs.bucketing.experiment import measure_bucketing, prepare, run_once

        budget = _budget(at_least, Unit("×"))
        label = label or f"planned over {over}"
        one_batch = partial(run_once, prepare(model, tokenizer, texts, batch_size, max_length, over))
        one_batch_label = f"{label}, one batch of {batch_size}"
        one_batch()
        if self._only_runs(one_batch_label, one_batch):
            return self._unmeasured(BucketingMeasurement, label, budget, Unit("×"), sequences_given=len(texts))
        record = measure_bucketing(
            model,
            tokenizer,
            texts,
            batch_size=batch_size,
            max_length=max_length,
            over=over,
            at_least=at_least,
            tolerance=tolerance,
            patience=self._patience(max_seconds),
            cpus=self.cpus,
        )
        record = self._conclude(replace(record, label=label))
        self._hold_against(one_batch_label, max_seconds)
        return record

    def _only_runs(self, label: str, function: Callable[[], object]) -> bool:
        """Return whether this side measures nothing; where it serves another process, do that first."""
        if self.serve is not None:
            self.serve(label, function)
        return not self.measuring or self.serve is not None

    def _hold_against(self, label: str, max_seconds: float | None) -> None:
        """Measure a function against itself at the other revision, where one was asked for."""
        __tracebackhide__ = True
        if self.against is None:
            return
        from pytest_cpuperf.measure.against import measure_against

        record = measure_against(label, self.against, self._patience(max_seconds), self.cpus)
        self._conclude(replace(record, label=f"{label} against {self.against.name}"))

    def close(self) -> None:
        """Put away what measuring needed; called when the test is over."""
        if self.live is not None:
            self.live.clear()
        while self._loops:
            self._loops.pop().close()

    def _patience(self, max_seconds: float | None) -> Any:
        from pytest_cpuperf.measure.sequential import Patience

        seconds = self.max_seconds if max_seconds is None else max_seconds
        if not is_number(seconds) or seconds <= 0:
            raise UsageError(f"max_seconds takes a number above 0, found {seconds!r}")
        return Patience(seconds, self.confidence, self.live)

    def _conclude(self, record: Record) -> Record:
        """Keep the record, and fail the test where its budget was lost. Inconclusive ones are told at the end."""
        __tracebackhide__ = True
        if self.live is not None:
            self.live.clear()
        record = replace(record, notes=(*record.notes, *self._caveats(record)))
        self.records.append(record)
        if record.verdict is Verdict.FAIL:
            raise BudgetFailed(self.explain(record))
        return record

    def _caveats(self, record: Record) -> list[Remark]:
        """Return what a figure and its budget do not show."""
        from pytest_cpuperf.measure.pairs import changed_speed

        finer = self.calibration.remark(record) if self.calibration else None
        caveats: list[Remark] = [] if finer is None else [finer]
        if isinstance(record, AgainstMeasurement):
            return caveats  # what was measured ran in other processes, several in turn
        caveats += self.outside()
        change = changed_speed(record.pairs)
        if change is not None:
            caveats.append(SpeedChanged(change))
        left = threading.active_count() - self._threads_before
        if left > _MANY_THREADS:
            caveats.append(ThreadsLeft(left))
        return caveats

    def _unmeasured(self, kind: type[Record], label: str, budget: Budget | None, unit: Unit, **known: Any) -> Record:
        nothing = Estimate(math.nan, math.nan, math.nan, unit, self.confidence, 0)
        reason = NotMeasured()
        record = kind(
            label=label, verdict=Verdict.NOT_MEASURED, reason=reason, estimate=nothing, budget=budget, **known
        )
        self.records.append(record)
        return record


def _budget(at_least: object, unit: Unit) -> Budget | None:
    number = read_budget(at_least)
    assert not isinstance(number, BudgetShare)
    return None if number is None else Budget(number, unit)
