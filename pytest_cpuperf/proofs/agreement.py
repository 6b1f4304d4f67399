"""Whether two ways of batching give the same outputs, and where they do not, why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pytest_cpuperf.proofs.encoders import has_dynamic_int8, unwrapped
from pytest_cpuperf.proofs.jobs import Job


def worst_difference(left: Sequence[Any], right: Sequence[Any]) -> tuple[float, int]:
    """Return the largest absolute difference between two lists of outputs, and the index of the sequence it is in."""
    import numpy  # a framework: only where outputs are compared

    worst, index = 0.0, 0
    for i, (a, b) in enumerate(zip(left, right, strict=True)):
        difference = numpy.abs(numpy.asarray(a, dtype=numpy.float64) - numpy.asarray(b, dtype=numpy.float64))
        largest = float(difference.max(initial=0.0))
        if math.isnan(largest):
            return largest, i
        if largest > worst:
            worst, index = largest, i
    return worst, index


def why_outputs_move(model: Any, job: Job) -> str:
    """Return what makes a model's outputs depend on how much padding its batch has, as far as can be told."""
    if has_dynamic_int8(unwrapped(model, None)[0]):
        return "it is quantised to INT8 with scales taken from each batch, padding included"
    if _ignores_mask(job):
        return "it ignores attention_mask, so that padding changes the real positions"
    if job.pads_left:
        return "its tokenizer pads on the left, which moves every position unless the model is given position ids"
    return "this model's outputs move with padding"


def _ignores_mask(job: Job) -> bool:
    """Return whether a padded sequence comes out the same with its padding masked and with nothing masked."""
    ids = job.tokenise()[:1]
    padded = dict(job.pad(ids, min(job.max_length, len(ids[0]) + 8)))
    mask = padded.get("attention_mask")
    if mask is None or bool(mask.all()):
        return mask is None
    masked = job.encoder.run(padded)
    unmasked = job.encoder.run({**padded, "attention_mask": mask * 0 + 1})
    return worst_difference([masked], [unmasked])[0] == 0.0
