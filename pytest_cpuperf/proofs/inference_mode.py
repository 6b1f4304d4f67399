"""The claim that torch.inference_mode is faster than torch.no_grad."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pytest_cpuperf.measure.pairs import Quantity, measure_pairs, speedup
from pytest_cpuperf.measure.sequential import Patience
from pytest_cpuperf.proofs.base import Finding, Proof, Subject, known_heuristic
from pytest_cpuperf.proofs.encoders import main_output, unwrapped
from pytest_cpuperf.proofs.forwards import (
    Forward,
    forward_of,
    in_inference_mode,
    is_torch_module,
    module_and_batches,
    output_of,
)
from pytest_cpuperf.proofs.judgement import claimed_speedup, judged, why_inconclusive
from pytest_cpuperf.proofs.models import first_line
from pytest_cpuperf.results.claims import Judgement, Recommendation
from pytest_cpuperf.results.measurements import ComparisonMeasurement
from pytest_cpuperf.results.remarks import Remark
from pytest_cpuperf.results.remarks.claims import (
    GainsOnlyWith,
    NoGradMode,
    OutputsVary,
    RaisesInInferenceMode,
)
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Budget, Verdict

# Both run the same kernels on the same numbers; threads may add them up in another order.
_TOLERANCE = 1e-4
_CODE = "with torch.inference_mode():\n    output = model(**batch)"


class InferenceMode(Proof):
    """The grad mode that a torch module runs in.

    ## What is claimed
    `torch.inference_mode` leaves out what `torch.no_grad` still keeps (version counters, the tracking of views), so
    that each operator costs a little less.

    ## How it is judged
    The same forward of the same batch in both modes, in interleaved pairs on the same pinned CPUs: for a batch of eight
    of the longer texts, and for one short text, where what an operator costs beside its work weighs most. Outputs are
    compared before anything is timed. The claim is confirmed where either gains at least 2 %, beyond its interval. What
    `no_grad` is worth over autograd left on is measured beside it.

    ## When it does not pay
    Where operators are large, so that their work hides what each costs beside it: most models, most batches. And
    whatever it gains, a tensor made in inference mode raises an error where it meets autograd later.
    """

    heuristic = known_heuristic("inference-mode")

    def applies(self, subject: Subject) -> Remark | None:
        """Only a torch module runs in a grad mode."""
        model, _ = unwrapped(subject.model, subject.tokenizer)
        return None if is_torch_module(model) else NoGradMode(type(model).__name__)

    def judge(self, subject: Subject) -> Finding:
        """Measure both modes for a batch of long texts and for a short one, and `no_grad` against autograd."""
        model, *batches = module_and_batches(subject)
        long, short = (forward_of(model, batch) for batch in batches)
        why_not = compare_outputs(long)
        if why_not is not None:
            return Finding(why_not.judgement, why_not.reason, None)
        patience = replace(subject.patience, max_seconds=subject.patience.max_seconds / 3)
        on_long = measure_modes(long, patience, subject.cpus)
        on_short = measure_modes(short, patience, subject.cpus)
        on_short = replace(on_short, label=f"{on_short.label}, one short text")
        over_grad = measure_no_grad(long, patience, subject.cpus)
        judgement, reason, decided = _judge(on_long, on_short)
        others = (record for record in (on_long, on_short, over_grad) if record is not decided)
        return Finding(judgement, reason, decided, tuple(others))

    def recommend(self, finding: Finding) -> Recommendation | None:
        """Return the mode, where it pays."""
        return Recommendation("inference mode", _CODE) if finding.judgement is Judgement.CONFIRMED else None


@dataclass(frozen=True)
class Disagreement:
    """Outputs that are not the same in both modes, or that cannot be compared."""

    judgement: Judgement
    reason: Remark


def in_no_grad(forward: Forward) -> Forward:
    """Return a forward under `torch.no_grad`."""
    import torch

    def run() -> Any:
        with torch.no_grad():
            return forward()

    return run


def with_grad(forward: Forward) -> Forward:
    """Return a forward with autograd left on."""
    import torch

    def run() -> Any:
        with torch.enable_grad():
            return forward()

    return run


def compare_outputs(forward: Forward) -> Disagreement | None:
    """Return how outputs in inference mode differ from those under `no_grad`; None where they do not."""
    twice = [output_of(in_no_grad(forward), "under no_grad") for _ in range(2)]
    varies = _difference(*twice)
    if varies > _TOLERANCE:
        return Disagreement(Judgement.CANNOT_BE_JUDGED, OutputsVary(varies))
    try:
        found = main_output(in_inference_mode(forward)())
    except RuntimeError as error:
        return Disagreement(Judgement.HARMFUL, RaisesInInferenceMode(first_line(error)))
    differs = _difference(twice[0], found)
    return Disagreement(Judgement.HARMFUL, OutputsVary(differs, by_mode=True)) if differs > _TOLERANCE else None


def _difference(one: Any, other: Any) -> float:
    """Return the largest absolute difference of two outputs; infinity where their shapes differ."""
    if one.shape != other.shape:
        return float("inf")
    one, other = one.detach().double(), other.detach().double()
    return float((one - other).abs().nan_to_num(0.0).max()) if one.numel() else 0.0


def measure_modes(
    forward: Forward, patience: Patience, cpus: tuple[int, ...], at_least: float | None = None
) -> ComparisonMeasurement:
    """Return the speedup of a forward in inference mode over the same under `no_grad`."""
    return _compared(
        "inference_mode", in_inference_mode(forward), "no_grad", in_no_grad(forward), patience, cpus, at_least
    )


def checked(
    forward: Forward, patience: Patience, cpus: tuple[int, ...], at_least: float | None
) -> ComparisonMeasurement:
    """Return `measure_modes`, or a lost verdict without figures where outputs are not the same in both modes."""
    why_not = compare_outputs(forward)
    if why_not is None:
        return measure_modes(forward, patience, cpus, at_least)
    harmful = why_not.judgement is Judgement.HARMFUL
    return ComparisonMeasurement(
        label="inference_mode over no_grad",
        verdict=Verdict.FAIL if harmful else Verdict.INCONCLUSIVE,
        reason=why_not.reason,
        estimate=None,
        budget=None if at_least is None else Budget(at_least, Unit("×")),
        baseline="no_grad",
    )


def measure_no_grad(forward: Forward, patience: Patience, cpus: tuple[int, ...]) -> ComparisonMeasurement:
    """Return the speedup of a forward under `no_grad` over the same with autograd left on."""
    return _compared("no_grad", in_no_grad(forward), "grad", with_grad(forward), patience, cpus, None)


def _compared(
    name: str,
    candidate: Forward,
    baseline_name: str,
    baseline: Forward,
    patience: Patience,
    cpus: tuple[int, ...],
    at_least: float | None,
) -> ComparisonMeasurement:
    quantity = claimed_speedup() if at_least is None else Quantity(speedup, Unit("×"), at_least)
    outcome = measure_pairs(candidate, baseline, quantity, patience, cpus)
    budget = None if at_least is None else Budget(at_least, Unit("×"))
    label = f"{name} over {baseline_name}"
    return ComparisonMeasurement(label=label, budget=budget, baseline=baseline_name, **outcome.fields)


def _judge(
    on_long: ComparisonMeasurement, on_short: ComparisonMeasurement
) -> tuple[Judgement, Remark | None, ComparisonMeasurement]:
    """Return the judgement, its reason, and the measurement that it stands on."""
    long, short = judged(on_long.estimate), judged(on_short.estimate)
    for worst in (Judgement.HARMFUL, Judgement.CONFIRMED):
        if long is worst:
            return long, None, on_long
        if short is worst:
            return short, GainsOnlyWith("one short text") if worst is Judgement.CONFIRMED else None, on_short
    for record, judgement in ((on_long, long), (on_short, short)):
        if judgement is Judgement.INCONCLUSIVE:
            return judgement, why_inconclusive(record), record
    return Judgement.NOT_REPRODUCED, None, on_long
