"""What proofs have to say of claims they do not judge, in words."""

from __future__ import annotations

from pytest_cpuperf.reports.sentences.base import sentence
from pytest_cpuperf.results.remarks import claims


@sentence.register
def _(remark: claims.PackageMissing) -> str:
    return f"{remark.package} is not installed: pip install 'pytest-cpuperf[{remark.extra}]'"
