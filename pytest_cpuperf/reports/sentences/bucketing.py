"""What a bucketing experiment has to say, in words."""

from __future__ import annotations

from pytest_cpuperf.reports.sentences.base import sentence
from pytest_cpuperf.results.figures import amount
from pytest_cpuperf.results.remarks import bucketing
from pytest_cpuperf.results.remarks.bucketing import OutputsMoveBecause

_BECAUSE = {
    OutputsMoveBecause.INT8_SCALES: "it is quantised to INT8 with scales taken from each batch, padding included",
    OutputsMoveBecause.MASK_IGNORED: "it ignores attention_mask, so that padding changes the real positions",
    OutputsMoveBecause.PADS_LEFT: (
        "its tokenizer pads on the left, which moves every position unless the model is given position ids"
    ),
    OutputsMoveBecause.UNKNOWN: "this model's outputs move with padding",
}


@sentence.register
def _(remark: bucketing.OutputsDiffer) -> str:
    return (
        f"outputs differ by {remark.difference:.2g} between {remark.arm} batches and each text on its own "
        f"(tolerance {remark.tolerance:g}; worst text {remark.text}: {remark.shown}): {_BECAUSE[remark.because]}"
    )


@sentence.register
def _(remark: bucketing.DataAllowLittle) -> str:
    return (
        f"the data: {1 / remark.ceiling:.0%} of the tokens of the {remark.arm} arm are real, so that no plan can leave "
        f"out more than {amount(remark.ceiling)}×"
    )


@sentence.register
def _(remark: bucketing.PlanSavesLittle) -> str:
    return f"the plan: it leaves out {amount(remark.saved)}× of the tokens, where {amount(remark.ceiling)}× could be"


@sentence.register
def _(remark: bucketing.TimeDoesNotFollow) -> str:
    return (
        f"the overhead: the plan leaves out {amount(remark.saved)}× of the tokens, and the time does not follow; "
        "tokenising and the cost of each call are in it"
    )


@sentence.register
def _(remark: bucketing.EqualLengths) -> str:
    return (
        "bucketing does not pay here: the texts are of nearly equal length, and arrival order pads only "
        f"{remark.padding:.0%} of its tokens"
    )


@sentence.register
def _(remark: bucketing.TextsCut) -> str:
    return f"{remark.count} of {remark.texts} texts are longer than max_length={remark.max_length} and were cut"


@sentence.register
def _(remark: bucketing.BatchCut) -> str:
    allowed = f", and the interval allows for {remark.allowance:.0%}" if remark.allowance else ""
    return (
        f"a batch of the {remark.arm} arm takes too long to be timed whole: {remark.sequences} sequences of it were, "
        f"which may cost more or less each{allowed}; raise max_seconds to time it whole"
    )


@sentence.register
def _(remark: bucketing.FewBatchesTimed) -> str:
    return (
        f"the budget is near, and {remark.rounds} rounds, each of other batches, may have missed dear ones: "
        f"it takes {remark.needed} rounds; raise max_seconds"
    )


@sentence.register
def _(remark: bucketing.RealTokens) -> str:
    return f"{remark.share:.0%} of the tokens in arrival order are real"
