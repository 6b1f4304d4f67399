"""The `cpuperf` fixture: the words a test speaks.

With `--cpuperf` each method measures and returns a frozen record; given a budget it fails the test, or calls it
inconclusive, by itself. Without it each measured function runs once and nothing is timed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.results.figures import format_cpus
from pytest_cpuperf.results.records import (
    BucketingMeasurement,
    Budget,
    Estimate,
    Measurement,
    Placement,
    Verdict,
)

_NOT_MEASURED = "run pytest with --cpuperf to measure"


class BudgetFailed(AssertionError):
    """A measured budget was not met. The message is the explanation."""


@dataclass(repr=False)
class CpuPerf:
    """What a test measures with; made anew for each test."""

    placement: Placement | None
    """Where this test runs and why, or None when the plugin is off."""
    max_seconds: float = 20.0
    confidence: float = 0.95
    explain: Callable[[Measurement], str] = field(default=lambda record: record.reason)
    """Renders a record as the text a failed budget shows."""
    records: list[Measurement] = field(default_factory=list)
    """What this test measured so far, in order."""

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
        at_least: float | None = None,
        label: str | None = None,
        max_seconds: float | None = None,
    ) -> Measurement:
        """Measure how many items per second `function` does; it does `items` of them in a call.

        `at_least` is the budget in items per second. Blocks of calls are interleaved with a reference kernel, so
        that the record also tells the speed relative to this machine's own (`.relative`).
        """
        __tracebackhide__ = True
        _callable("function", function)
        if not _number(items) or items <= 0:
            raise UsageError(f"items takes a number above 0, found {items!r}")
        budget = _budget(at_least, f" {unit}/s")
        label = label or "throughput"
        if not self.measuring:
            function()
            return self._unmeasured("throughput", label, budget, f"{unit}/s")
        # Deferred: the idle plugin imports nothing that measures.
        from pytest_cpuperf.measure.pairs import Quantity, measure_pairs, relative_estimate
        from pytest_cpuperf.measure.reference import reference_kernel

        kernel, kernel_name = reference_kernel(len(self.cpus) or 1)
        quantity = Quantity(lambda pair: items / pair.candidate_seconds, f"{unit}/s", at_least)
        patience = self._patience(max_seconds)
        outcome = measure_pairs(function, kernel, quantity, patience, self.cpus)
        record = Measurement(
            kind="throughput",
            label=label,
            budget=budget,
            relative=relative_estimate(outcome.pairs, patience.confidence),
            reference=kernel_name,
            **vars(outcome),
        )
        return self._conclude(record)

    def compare(
        self,
        candidate: Callable[[], object],
        baseline: Callable[[], object],
        *,
        at_least: float | None = None,
        label: str | None = None,
        max_seconds: float | None = None,
    ) -> Measurement:
        """Measure the speedup of `candidate` over `baseline`, which do the same work; 2.0 is twice as fast.

        `at_least` is the budget for the speedup. Where both are equally fast, `at_least=1.0` cannot be decided by
        any measurement: ask for the loss you would mind, for example `at_least=0.95`.
        """
        __tracebackhide__ = True
        _callable("candidate", candidate)
        _callable("baseline", baseline)
        budget = _budget(at_least, "×")
        label = label or "candidate over baseline"
        if not self.measuring:
            candidate()
            baseline()
            return self._unmeasured("compare", label, budget, "×")
        from pytest_cpuperf.measure.pairs import Quantity, measure_pairs, speedup

        quantity = Quantity(speedup, "×", at_least)
        outcome = measure_pairs(candidate, baseline, quantity, self._patience(max_seconds), self.cpus)
        return self._conclude(Measurement(kind="compare", label=label, budget=budget, **vars(outcome)))

    def bucketing(
        self,
        model: Any,
        tokenizer: Any,
        texts: Sequence[str],
        *,
        batch_size: int = 32,
        max_length: int = 512,
        at_least: float | None = None,
        over: str = "padded",
        tolerance: float = 1e-4,
        label: str | None = None,
        max_seconds: float | None = None,
    ) -> BucketingMeasurement:
        """Measure what planned batches are worth over padding, for this model and these texts.

        `model` is a torch module in eval mode, an onnxruntime session, or a `callable(batch)`; `over` is the
        baseline: `padded` (every batch of `batch_size` to `max_length`) or `arrival` (each to its longest text).
        Outputs must agree within `tolerance`, in the original order. `at_least` is the budget for the speedup.
        """
        __tracebackhide__ = True
        from pytest_cpuperf.proofs.bucketing import measure_bucketing, prepare, run_once

        budget = _budget(at_least, "×")
        label = label or f"planned over {over}"
        if not self.measuring:
            run_once(prepare(model, tokenizer, texts, batch_size, max_length, over))
            idle = self._unmeasured("bucketing", label, budget, "×", keep=False)
            record = BucketingMeasurement(**{**vars(idle), "sequences_given": len(texts)})
            self.records.append(record)
            return record
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
        record = replace(record, label=label)
        self._conclude(record)
        return record

    def _patience(self, max_seconds: float | None) -> Any:
        from pytest_cpuperf.measure.pairs import Patience

        seconds = self.max_seconds if max_seconds is None else max_seconds
        if not _number(seconds) or seconds <= 0:
            raise UsageError(f"max_seconds takes a number above 0, found {seconds!r}")
        return Patience(seconds, self.confidence)

    def _conclude(self, record: Measurement) -> Measurement:
        """Keep the record, and fail the test where its budget was lost. Inconclusive ones are told at the end."""
        __tracebackhide__ = True
        self.records.append(record)
        if record.verdict is Verdict.FAIL:
            raise BudgetFailed(self.explain(record))
        return record

    def _unmeasured(self, kind: Any, label: str, budget: Budget | None, unit: str, keep: bool = True) -> Measurement:
        nothing = Estimate(math.nan, math.nan, math.nan, unit, self.confidence, 0)
        record = Measurement(kind, label, Verdict.NOT_MEASURED, _NOT_MEASURED, nothing, budget)
        if keep:
            self.records.append(record)
        return record


def _callable(name: str, value: object) -> None:
    if not callable(value):
        raise UsageError(f"{name} takes a function to call, found {value!r}: wrap the call in a lambda")


def _budget(at_least: object, unit: str) -> Budget | None:
    if at_least is None:
        return None
    if not _number(at_least) or at_least <= 0:  # type: ignore[operator]
        raise UsageError(f"at_least takes a number above 0, found {at_least!r}")
    return Budget(float(at_least), unit)  # type: ignore[arg-type]


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
