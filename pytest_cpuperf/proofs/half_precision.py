"""The claim that bfloat16 or float16 makes inference faster."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.measure.pairs import measure_pairs
from pytest_cpuperf.measure.sequential import Patience
from pytest_cpuperf.proofs.base import Finding, Proof, Subject, known_heuristic
from pytest_cpuperf.proofs.encoders import unwrapped
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
from pytest_cpuperf.results.remarks.claims import NoParameters, OutputsAgree

_ALIKE = 0.99
"""Below this cosine to float32, the outputs are others."""
# What torch asks the CPU, by the name that people know it by.
_NATIVE = {"AMX": "_is_amx_tile_supported", "AVX512-BF16": "_is_avx512_bf16_supported"}


class HalfPrecision(Proof):
    """The precision that a torch module computes in on the CPU: float32, bfloat16, float16.

    ## What is claimed
    Half precision moves half the bytes, so that inference is faster; and since transformers 5 a checkpoint that is
    stored in bfloat16 runs in it, asked for or not.

    ## How it is judged
    The module as bfloat16 against the module as float32, the same batch of eight of the longer texts in interleaved
    pairs on the same pinned CPUs; float16, and float32 under `torch.autocast`, are measured beside it. Outputs are held
    against those of float32 first: where the worst text's cosine is below 0.99, the claim is harmful whatever the
    speed. What the CPU has for it (AMX, AVX512-BF16) is said.

    ## When it does not pay
    On CPUs that have no instructions for it, where each operation converts to float32 and back: published figures
    begin at a hundredth of the speed.
    """

    heuristic = known_heuristic("half-precision")

    def applies(self, subject: Subject) -> Remark | None:
        """Only a torch module with floating-point parameters has a precision to choose."""
        model, _ = unwrapped(subject.model, subject.tokenizer)
        has_any = is_torch_module(model) and any(p.is_floating_point() for p in model.parameters())
        return None if has_any else NoParameters(type(model).__name__)

    def judge(self, subject: Subject) -> Finding:
        """Measure bfloat16, float16 and autocast over float32, on a batch of long texts."""
        import torch

        model, batch, _ = module_and_batches(subject)
        full = in_precision(model, torch.float32, batch)
        arms = {
            "bfloat16": in_precision(model, torch.bfloat16, batch),
            "float16": in_precision(model, torch.float16, batch),
            "autocast": autocast(full),
        }
        expected = output_of(full, "in float32")
        cosine = worst_cosine(expected, output_of(arms["bfloat16"], "in bfloat16"))
        arms = {name: run for name, run in arms.items() if not _raises(run)}
        patience = replace(subject.patience, max_seconds=subject.patience.max_seconds / len(arms))
        decided, *others = (_over_float32(name, run, full, patience, subject.cpus) for name, run in arms.items())
        agree = OutputsAgree(_loaded_as(model), cosine, _ALIKE, tuple(native_support()))
        if not agree.cosine >= _ALIKE:
            return Finding(Judgement.HARMFUL, agree, decided, tuple(others))
        judgement = judged(decided.estimate)
        why_not = why_inconclusive(decided) if judgement is Judgement.INCONCLUSIVE else None
        return Finding(judgement, why_not or agree, decided, tuple(others))

    def recommend(self, finding: Finding) -> Recommendation | None:
        """Return the precision to run in, where one is clearly better."""
        if finding.judgement is Judgement.CONFIRMED:
            return Recommendation("bfloat16", "model = model.to(torch.bfloat16)")
        if finding.judgement is Judgement.HARMFUL:
            return Recommendation("float32", "model = model.float()")
        return None


def in_precision(model: Any, dtype: Any, inputs: Any) -> Forward:
    """Return what runs a copy of a module in a precision, in inference mode, on inputs that are converted alike.

    `dtype` is a `torch.dtype`.

    Raises UsageError for a module that cannot be copied.
    """
    try:
        converted = copy.deepcopy(model).to(dtype)
    except Exception as error:  # a module may hold anything: locks, files, quantised weights
        raise UsageError(f"the model cannot be copied to another precision: {first_line(error)}") from None
    return in_inference_mode(forward_of(converted, _converted(inputs, dtype)))


def _converted(inputs: Any, dtype: Any) -> Any:
    import torch

    if isinstance(inputs, Mapping):
        return {name: _converted(value, dtype) for name, value in inputs.items()}
    return inputs.to(dtype) if isinstance(inputs, torch.Tensor) and inputs.is_floating_point() else inputs


def autocast(forward: Forward) -> Forward:
    """Return a forward under `torch.autocast("cpu")`, in bfloat16."""
    import torch

    def run() -> Any:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return forward()

    return run


def worst_cosine(expected: Any, found: Any) -> float:
    """Return the least cosine between two outputs of shape (texts, …), over texts; 0 where one is not finite."""
    import torch

    one, other = (output.detach().float().reshape(len(output), -1) for output in (expected, found))
    cosine = torch.nn.functional.cosine_similarity(one, other, dim=1)
    return float(cosine.nan_to_num(0.0).min())


def native_support() -> list[str]:
    """Return what this CPU computes half precision with, by name; empty where it has nothing, or torch cannot tell."""
    import torch

    asked = {name: getattr(torch.cpu, function, None) for name, function in _NATIVE.items()}
    return [name for name, function in asked.items() if function is not None and function()]


def _raises(run: Forward) -> bool:
    """Return whether an arm beside the one that is judged cannot be run: some operators know no float16."""
    try:
        run()
    except RuntimeError:
        return True
    return False


def _loaded_as(model: Any) -> str:
    parameter = next(p for p in model.parameters() if p.is_floating_point())
    return str(parameter.dtype).removeprefix("torch.")


def _over_float32(
    name: str, run: Forward, full: Forward, patience: Patience, cpus: tuple[int, ...]
) -> ComparisonMeasurement:
    outcome = measure_pairs(run, full, claimed_speedup(), patience, cpus)
    return ComparisonMeasurement(label=f"{name} over float32", budget=None, baseline="float32", **outcome.fields)
