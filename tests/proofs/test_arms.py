"""What an arm takes for the whole job, from rounds that run a part of its batches, by a clock that tests turn."""

import random
from statistics import fmean

import pytest

from pytest_cpuperf.batching import sorted_batches
from pytest_cpuperf.proofs.bucketing import arms
from pytest_cpuperf.proofs.bucketing.arms import Arm, TimedArm

SECONDS_A_TOKEN = 2e-5


def cost(size, longest):
    return 0.001 + 1e-5 * size * longest


class SimulatedJob:
    """A job whose tokenising takes as long as there are tokens, and whose batches take what the cost model says."""

    batch_size = 16

    def __init__(self, lengths):
        self.lengths = lengths
        self.now = 0.0

    def tokenise(self, indices):
        self.now += SECONDS_A_TOKEN * sum(self.lengths[i] for i in indices)
        return {i: range(self.lengths[i]) for i in indices}

    def run(self, ids, batches, padded_to, seconds, until):
        for batch in batches:
            seconds.append(cost(len(batch), padded_to or max(len(ids[i]) for i in batch)))
            self.now += seconds[-1]
        return {}


@pytest.mark.parametrize("round_seconds", [0.05, 0.2, float("inf")])
def test_tokenising_is_counted_by_tokens_where_rounds_run_dear_batches_more_often(monkeypatch, round_seconds):
    rng = random.Random(3)
    lengths = [min(512, max(3, int(rng.lognormvariate(3.5, 1.0)))) for _ in range(1600)]
    job = SimulatedJob(lengths)
    monkeypatch.setattr(arms, "now", lambda: job.now)
    arm = TimedArm(Arm("sorted", lambda ns: sorted_batches(ns, 16)), job, lengths, cost, round_seconds)
    batches = sum(cost(len(batch), max(lengths[i] for i in batch)) for batch in arm.batches)
    truth = batches + SECONDS_A_TOKEN * sum(lengths)
    assert arm.whole_seconds(fmean(arm.time_block(1) for _ in range(60))) == pytest.approx(truth, rel=0.02)
