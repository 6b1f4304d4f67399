"""The claims that can be proved for a model, by the names of their heuristics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pytest_cpuperf.errors import UsageError, nearest
from pytest_cpuperf.heuristics import HEURISTICS
from pytest_cpuperf.measure.sequential import Patience
from pytest_cpuperf.proofs.bucketing import UNIFORM, measure_bucketing
from pytest_cpuperf.results.claims import Claim, Judgement
from pytest_cpuperf.results.measurements import BucketingMeasurement
from pytest_cpuperf.results.remarks import Remark, stated
from pytest_cpuperf.results.verdicts import Verdict

_BATCH_SIZE = 32
_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Subject:
    """What claims are judged on."""

    model: Any
    tokenizer: Any
    texts: Sequence[str]
    patience: Patience
    cpus: tuple[int, ...]


def prove_bucketing(subject: Subject) -> Claim:
    """Judge whether planned batches are faster than batches in arrival order, each padded to its longest text.

    That is what a service does that has left constant padding behind: bucketing must pay beyond it. What it is worth
    over constant padding, in an experiment of its own, is told too.
    """
    over_arrival, over_padded = (_bucketing(subject, over) for over in ("arrival", "padded"))
    judgement, reason = _judge(over_arrival)
    return Claim("bucketing", HEURISTICS["bucketing"].promised, judgement, reason, over_arrival, (over_padded,))


def _bucketing(subject: Subject, over: str) -> BucketingMeasurement:
    record = measure_bucketing(
        subject.model,
        subject.tokenizer,
        subject.texts,
        batch_size=_BATCH_SIZE,
        max_length=None,
        over=over,
        at_least=None,
        tolerance=_TOLERANCE,
        patience=replace(subject.patience, max_seconds=subject.patience.max_seconds / 2),
        cpus=subject.cpus,
    )
    return replace(record, label=f"planned over {over}")


def _judge(record: BucketingMeasurement) -> tuple[Judgement, Remark | None]:
    if record.verdict is Verdict.FAIL:
        return Judgement.HARMFUL, record.reason
    if record.estimate is None:
        return Judgement.UNDECIDED, record.reason
    real = stated(f"{1 / record.ceiling:.0%} of the tokens in arrival order are real" if record.ceiling else "")
    if record.ceiling is not None and record.ceiling < UNIFORM:
        # Whatever was gained came from another batch size, not from lengths.
        return Judgement.NOT_REPRODUCED, next(iter(record.notes), None)
    if record.estimate.low > 1:
        return Judgement.CONFIRMED, real
    if record.estimate.high < 1:
        return Judgement.HARMFUL, real
    return Judgement.NOT_REPRODUCED, real


PROOFS: dict[str, Callable[[Subject], Claim]] = {"bucketing": prove_bucketing}
"""By the name of the heuristic."""


def chosen_proofs(names: str | None) -> list[str]:
    """Return the heuristics named in `a,b`, all for None. Raises UsageError for one that has no proof."""
    if names is None:
        return list(PROOFS)
    chosen = [name.strip() for name in names.split(",") if name.strip()]
    for name in chosen:
        if name not in PROOFS:
            raise UsageError(f"no claim is called {name!r}{nearest(name, PROOFS)}", f"claims: {', '.join(PROOFS)}")
    if not chosen:
        raise UsageError("--claims takes names, found none", f"claims: {', '.join(PROOFS)}")
    return chosen
