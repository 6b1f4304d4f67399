"""The claim that batching texts of similar length makes inference faster."""

from __future__ import annotations

from dataclasses import replace

from pytest_cpuperf.proofs.base import Finding, Proof, Subject, known_heuristic
from pytest_cpuperf.proofs.bucketing.experiment import UNIFORM, measure_bucketing
from pytest_cpuperf.results.claims import Judgement, Recommendation
from pytest_cpuperf.results.measurements import BucketingMeasurement
from pytest_cpuperf.results.remarks import Remark
from pytest_cpuperf.results.remarks.bucketing import EqualLengths, RealTokens
from pytest_cpuperf.results.verdicts import Verdict

_BATCH_SIZE = 32
_TOLERANCE = 1e-4


class Bucketing(Proof):
    """Batches of texts of similar length.

    ## What is claimed
    Padding is wasted work: texts that are batched with others of their length need less of it.

    ## How it is judged
    Batches planned by a measured cost model against batches in arrival order, each padded to its longest text. That is
    what a service does that has left constant padding behind: bucketing must pay beyond it. What it is worth over
    constant padding, in an experiment of its own, is shown too. All arms do the whole job on the same pinned CPUs, one
    right after the other, and their outputs are compared with those of each text on its own before anything is timed.

    ## When it does not pay
    Where texts are of nearly equal length; where a batch's cost does not follow its tokens; where requests must be
    answered one by one.
    """

    heuristic = known_heuristic("bucketing")
    packages = {"numpy": "transformers"}

    def judge(self, subject: Subject) -> Finding:
        """Measure planned batches over arrival order, and over constant padding."""
        over_arrival, over_padded = (_measured(subject, over) for over in ("arrival", "padded"))
        judgement, reason = _judge(over_arrival)
        return Finding(judgement, reason, over_arrival, (over_padded,))

    def recommend(self, finding: Finding) -> Recommendation | None:
        """Return how to plan batches, where that pays."""
        if finding.judgement is not Judgement.CONFIRMED:
            return None
        code = "from pytest_cpuperf.batching import plan_batches"
        return Recommendation("batches planned by length", code)


def _measured(subject: Subject, over: str) -> BucketingMeasurement:
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
        return Judgement.INCONCLUSIVE, record.reason
    real = RealTokens(1 / record.ceiling) if record.ceiling else None
    if record.ceiling is not None and record.ceiling < UNIFORM:
        # Whatever was gained came from another batch size, not from lengths.
        return Judgement.NOT_REPRODUCED, next((note for note in record.notes if isinstance(note, EqualLengths)), real)
    if record.estimate.low > 1:
        return Judgement.CONFIRMED, real
    if record.estimate.high < 1:
        return Judgement.HARMFUL, real
    return Judgement.NOT_REPRODUCED, real
