"""The table of sentences, by the kind of remark."""

from __future__ import annotations

from functools import singledispatch

from pytest_cpuperf.results.remarks import Remark, Stated


@singledispatch
def sentence(remark: Remark) -> str:
    """Return a remark in words, without a full stop. Each kind registers its own function."""
    raise NotImplementedError(f"no sentence for {type(remark).__name__}: register one in reports/sentences/")


@sentence.register
def _(remark: Stated) -> str:
    return remark.text


Remark.in_words = sentence
