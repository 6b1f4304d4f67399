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


@sentence.register
def _(remark: claims.NoParameters) -> str:
    return f"the model ({remark.model}) has no floating-point parameters of a torch module"


@sentence.register
def _(remark: claims.OutputsAgree) -> str:
    has = " and ".join(remark.native)
    cpu = f"this CPU has {has}" if has else "this CPU has no instructions for it (AMX, AVX512-BF16)"
    others = "" if remark.cosine >= remark.tolerance else f", less than {remark.tolerance:g}"
    return (
        f"loaded as {remark.loaded_as}; {cpu}; the worst text's output in bfloat16 has a cosine of "
        f"{remark.cosine:.4f} to float32's{others}"
    )
