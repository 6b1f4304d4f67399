"""What proofs have to say of claims they do not judge, in words."""

from __future__ import annotations

from pytest_cpuperf.reports.sentences.base import sentence
from pytest_cpuperf.results.remarks import claims


@sentence.register
def _(remark: claims.PackageMissing) -> str:
    return f"{remark.package} is not installed: pip install 'pytest-cpuperf[{remark.extra}]'"


@sentence.register
def _(remark: claims.NoGradMode) -> str:
    return f"the model ({remark.model}) is no torch module, and has no grad mode"


@sentence.register
def _(remark: claims.OutputsVary) -> str:
    between = "under no_grad and inference_mode" if remark.by_mode else "from one call to the next"
    return f"outputs differ by {remark.difference:.2g} {between}"


@sentence.register
def _(remark: claims.RaisesInInferenceMode) -> str:
    return f"the model raises an error in inference mode: {remark.error}"


@sentence.register
def _(remark: claims.GainsOnlyWith) -> str:
    return f"it holds for {remark.inputs} alone"


@sentence.register
def _(remark: claims.IntervalTooWide) -> str:
    return (
        f"{remark.pairs} pairs tell no difference of less than {remark.smallest_difference:.1%} here and now; "
        "a quieter machine tells smaller ones"
    )
