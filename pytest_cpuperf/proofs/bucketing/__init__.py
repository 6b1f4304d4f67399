"""Bucketing: batches of texts of similar length, measured against padded ones."""

from pytest_cpuperf.proofs.bucketing.experiment import measure_bucketing, prepare, run_once
from pytest_cpuperf.proofs.bucketing.proof import Bucketing

__all__ = ["Bucketing", "measure_bucketing", "prepare", "run_once"]
