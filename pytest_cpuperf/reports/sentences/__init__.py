"""Facts as sentences: one function for each kind of remark."""

from pytest_cpuperf.reports.sentences.base import sentence

__all__ = ["sentence"]
