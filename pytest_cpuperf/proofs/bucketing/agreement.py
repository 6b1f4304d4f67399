"""Whether two ways of batching give the same outputs, and where they do not, why."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.proofs.bucketing.jobs import Job
from pytest_cpuperf.proofs.encoders import has_dynamic_int8, unwrapped
from pytest_cpuperf.results.remarks.bucketing import OutputsMoveBecause


def worst_difference(outputs: Mapping[int, Any], expected: Mapping[int, Any]) -> tuple[float, int]:
    """Return the largest absolute difference of outputs to those expected, and the index of the sequence it is in.

    Raises UsageError where a sequence's outputs have another shape.
    """
    import numpy  # a framework: only where outputs are compared

    worst, index = 0.0, 0
    for i, output in outputs.items():
        found, alone = (numpy.asarray(o, dtype=numpy.float64) for o in (output, expected[i]))
        if found.shape != alone.shape:
            raise UsageError(
                f"expected the same shape for a sequence in a batch and on its own, found {found.shape} and "
                f"{alone.shape} for sequence {i}",
                "a model returns (sequences, tokens, features), or one row for each sequence",
            )
        largest = float(numpy.abs(found - alone).max(initial=0.0))
        if math.isnan(largest):
            return largest, i
        if largest > worst:
            worst, index = largest, i
    return worst, index


def why_outputs_move(model: Any, job: Job) -> OutputsMoveBecause:
    """Return what makes a model's outputs depend on how much padding its batch has, as far as can be found out."""
    if has_dynamic_int8(unwrapped(model, None)[0]):
        return OutputsMoveBecause.INT8_SCALES
    if _ignores_mask(job):
        return OutputsMoveBecause.MASK_IGNORED
    return OutputsMoveBecause.PADS_LEFT if job.pads_left else OutputsMoveBecause.UNKNOWN


def _ignores_mask(job: Job) -> bool:
    """Return whether a padded sequence comes out the same with its padding masked and with nothing masked."""
    (ids,) = job.tokenise([0]).values()
    padded = dict(job.pad([ids], min(job.max_length, len(ids) + 8)))
    mask = padded.get("attention_mask")
    if mask is None or bool(mask.all()):
        return mask is None
    masked = job.encoder.run(padded)
    unmasked = job.encoder.run({**padded, "attention_mask": mask * 0 + 1})
    return worst_difference({0: masked}, {0: unmasked})[0] == 0.0
