"""How rounds are judged: simulated jobs whose true times are known, through the code that judges real ones."""

import math
import random
from dataclasses import replace
from statistics import fmean

import pytest

from pytest_cpuperf.batching import arrival_batches, sorted_batches
from pytest_cpuperf.measure.looks import plan_pair_looks
from pytest_cpuperf.measure.outcome import Outcome
from pytest_cpuperf.measure.pairs import Quantity
from pytest_cpuperf.measure.sequential import SequentialRun
from pytest_cpuperf.proofs.bucketing.judging import CUT_ALLOWANCE, JobSeconds, estimated_too, rate, ratio
from pytest_cpuperf.proofs.bucketing.parts import Parts
from pytest_cpuperf.reports.sentences import sentence
from pytest_cpuperf.results.evidence import Disturbance, DisturbanceKind, Evidence
from pytest_cpuperf.results.measurements import Pair
from pytest_cpuperf.results.remarks.bucketing import FewBatchesTimed
from pytest_cpuperf.results.remarks.measuring import DecidedDisturbed, SetAside
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Verdict

QUIET = Evidence(wall_seconds=0.05, own_seconds=0.05)
ROUNDS, CONFIDENCE = 48, 0.95


def believed(size, longest):
    return 0.002 + 1e-4 * size * longest


class SimulatedArm:
    """An arm whose batches take what the model believes, times a factor of their own."""

    def __init__(self, batches, lengths, max_seconds, factor, in_a_cut=1.0):
        self.parts = Parts(batches, lambda b: (len(b), max(lengths[i] for i in b)), believed, max_seconds)
        factors = {batch[0]: factor() for batch in batches}
        self._factor = {i: factors[batch[0]] for batch in batches for i in batch}
        self._in_a_cut = in_a_cut
        self.truth = sum(believed(len(b), max(lengths[i] for i in b)) * factors[b[0]] for b in batches)

    def seconds(self, number, noise):
        """Return what a round's part takes."""
        part = self.parts.part(number)
        took = [s.predicted * self._factor[s.batch[0]] * (self._in_a_cut if s.cut > 1 else 1) * noise() for s in part]
        return self.parts.seconds(part, took)


class Simulation:
    """A job of which the planned arm takes a part of its batches in each round, and so does the baseline."""

    def __init__(self, seed, factor, baseline_factor=None, baseline_seconds=2.0, in_a_cut=1.0, noise=0.03):
        self._random = random.Random(seed)
        lengths = [min(512, max(3, int(self._random.lognormvariate(3.5, 0.9)))) for _ in range(1600)]
        self._noise = noise

        def arm(batches, seconds, factor, in_a_cut=1.0):
            return SimulatedArm(batches, lengths, seconds, lambda: factor(self._random), in_a_cut)

        self.planned = arm(sorted_batches(lengths, 16), 0.4, factor)
        self.baseline = arm(arrival_batches(1600, 32), baseline_seconds, baseline_factor or factor, in_a_cut)
        self.truth = self.baseline.truth / self.planned.truth
        self.start = self._random.randrange(10)

    def pairs(self):
        """Return the rounds, on a machine whose speed wanders."""

        def noise():
            return self._random.lognormvariate(0, self._noise)

        arms = self.planned, self.baseline
        seconds = ([arm.seconds(self.start + number, noise) for arm in arms] for number in range(ROUNDS))
        return [Pair(*row, number % 2 == 0, QUIET, (), number) for number, row in enumerate(seconds)]

    @property
    def planned_seconds(self):
        return JobSeconds.of(lambda p: self.planned.parts.whole_seconds(p.candidate_seconds), self.planned.parts)

    @property
    def baseline_seconds(self):
        return JobSeconds.of(lambda p: self.baseline.parts.whole_seconds(p.baseline_seconds), self.baseline.parts)

    def speedup(self, at_least=None):
        return ratio(self.baseline_seconds, self.planned_seconds, Unit("×"), at_least)

    def judged(self, quantity, rounds=ROUNDS):
        """Return the measurement as it ends, for which so many rounds are planned."""
        run = SequentialRun(quantity, plan_pair_looks(rounds, 1 - CONFIDENCE), CONFIDENCE)
        for pair in self.pairs()[:rounds]:
            if run.verdict is None:
                run.add([pair], pair.evidence)
        return run


def centre_of_rounds(quantity):
    """Return the same quantity as the Hodges-Lehmann centre of rounds."""
    return Quantity(quantity.of_pair, quantity.unit, quantity.at_least)


def lognormal(generator):
    return generator.lognormvariate(0, 0.8)


def bimodal(generator):
    return 4.0 if generator.random() < 0.2 else 1.0


def as_believed(generator):
    return 1.0


SKEWED = [(as_believed, lognormal), (as_believed, bimodal), (bimodal, as_believed)]


def bias_and_coverage(quantity, planned, baseline):
    """Return the mean error of the points as a share, and how often the interval holds the truth."""
    simulations = [Simulation(seed, planned, baseline) for seed in range(80)]
    estimates = [(s.judged(quantity(s.speedup())).estimate, s.truth) for s in simulations]
    held = sum(e.low <= truth <= e.high for e, truth in estimates)
    return math.expm1(fmean(math.log(e.point / truth) for e, truth in estimates)), held / len(estimates)


@pytest.mark.parametrize(("planned", "baseline"), SKEWED)
def test_batches_of_skewed_costs_are_estimated_without_bias_and_the_interval_holds(planned, baseline):
    bias, coverage = bias_and_coverage(lambda judged: judged, planned, baseline)
    assert abs(bias) < 0.02
    assert coverage >= 0.93


@pytest.mark.parametrize(("planned", "baseline"), SKEWED)
def test_the_centre_of_rounds_is_another_number(planned, baseline):
    bias, coverage = bias_and_coverage(centre_of_rounds, planned, baseline)
    assert abs(bias) > 0.1
    assert coverage < 0.8


@pytest.mark.parametrize("in_a_cut", [0.8, 0.85, 0.9, 1.1, 1.2])
def test_what_a_sequence_costs_in_a_cut_batch_does_not_decide_a_budget_that_is_near(in_a_cut):
    simulations = [Simulation(seed, as_believed, baseline_seconds=0.3, in_a_cut=in_a_cut) for seed in range(15)]
    assert all(s.baseline.parts.cut_share > 0.9 for s in simulations)
    for simulation in simulations:
        free = simulation.judged(simulation.speedup()).estimate
        assert free.low <= simulation.truth <= free.high
        near = simulation.judged(simulation.speedup(simulation.truth))
        assert near.verdict is Verdict.INCONCLUSIVE
        alone = simulation.judged(centre_of_rounds(simulation.speedup(simulation.truth)))
        assert alone.verdict in (Verdict.PASS, Verdict.FAIL), "without the allowance it would be decided, wrongly"


def test_a_budget_that_is_far_is_decided_though_batches_were_cut():
    simulation = Simulation(1, as_believed, baseline_seconds=0.3, in_a_cut=1.2)
    assert simulation.judged(simulation.speedup(simulation.truth / 2)).verdict is Verdict.PASS
    assert simulation.judged(simulation.speedup(simulation.truth * 2)).verdict is Verdict.FAIL


def test_few_batches_decide_a_budget_that_is_far_and_none_that_is_near():
    """A tenth of the planned batches are dear, and of eight rounds with one batch each many have none of them."""
    simulations = [Simulation(seed, lambda g: 5.0 if g.random() < 0.1 else 1.0, as_believed) for seed in range(40)]
    for simulation in simulations:
        near = simulation.judged(simulation.speedup(simulation.truth), rounds=8)
        assert near.verdict is None or near.verdict is Verdict.INCONCLUSIVE
    far = [s.judged(s.speedup(s.truth / 4), rounds=8).verdict for s in simulations]
    assert Verdict.FAIL not in far
    assert far.count(Verdict.PASS) > 20
    hasty = [s.judged(centre_of_rounds(s.speedup(s.truth)), rounds=8) for s in simulations]
    assert sum(run.verdict is Verdict.PASS for run in hasty) > 10
    held = [s.judged(s.speedup(s.truth)) for s in simulations]
    assert sum(run.verdict in (Verdict.PASS, Verdict.FAIL) for run in held) <= 4


def test_a_near_budget_that_few_batches_leave_undecided_says_so():
    simulation = Simulation(1, as_believed, noise=0.01)
    run = simulation.judged(simulation.speedup(simulation.truth * 0.8), rounds=8)
    verdict, reason = run.conclude(lambda: pytest.fail("there are rounds enough for an interval"))
    assert (verdict, reason) == (Verdict.INCONCLUSIVE, FewBatchesTimed(8, 24))
    assert sentence(reason) == (
        "the budget is near, and 8 rounds, each of other batches, may have missed dear ones: it takes 24 rounds; "
        "raise max_seconds"
    )


def test_without_a_budget_rounds_end_when_they_are_clear_though_the_cut_leaves_the_interval_wide():
    simulation = Simulation(1, as_believed, baseline_seconds=0.3, noise=0.01)
    run = simulation.judged(simulation.speedup())
    assert len(run.clean) < ROUNDS
    assert run.estimate.high / run.estimate.low > 1.5


def test_the_allowance_goes_with_the_share_of_the_time_that_is_cut():
    half = JobSeconds(lambda pair: 1.0, sampled=True, cut_share=0.5)
    low, high = half.unknown
    assert high == 1 + CUT_ALLOWANCE / 2
    assert low == pytest.approx(0.5 + 0.5 / (1 + CUT_ALLOWANCE))
    assert JobSeconds(lambda pair: 1.0, sampled=True).unknown == (1, 1)


def test_rounds_that_run_all_batches_are_judged_by_their_centre():
    everything = JobSeconds(lambda pair: pair.candidate_seconds)
    sampled = JobSeconds(lambda pair: pair.baseline_seconds, sampled=True)
    pairs = [Pair(1.0, 2.0, True, QUIET)] * 9 + [Pair(1.0, 20.0, True, QUIET)]
    both = ratio(JobSeconds(lambda pair: pair.baseline_seconds), everything, Unit("×"))
    assert both.estimate(pairs, 0.05).point == pytest.approx(2.0), "a stall, which the centre leaves out"
    assert ratio(sampled, everything, Unit("×")).estimate(pairs, 0.05).point > 3, "a dear part, which counts"
    assert everything.mean(pairs) == 1.0
    assert sampled.mean(pairs) == pytest.approx(3.8)


def test_rates_of_arms_are_estimated_as_the_verdict_is():
    held, points = 0, []
    for seed in range(60):
        simulation = Simulation(seed, bimodal)
        run = simulation.judged(simulation.speedup())
        outcome = Outcome(
            verdict=Verdict.NO_BUDGET, reason=None, estimate=run.estimate, pairs=tuple(run.clean), evidence=None,
            calls_per_block=1, warm_up_calls=1, steady=True, seconds_spent=1.0, alpha=run.alpha,
        )  # fmt: skip
        estimate = estimated_too(outcome, rate(1600, simulation.planned_seconds, Unit("sequences/s")))
        truth = 1600 / simulation.planned.truth
        points.append(math.log(estimate.point / truth))
        held += estimate.low <= truth <= estimate.high
        assert estimate.confidence == run.estimate.confidence
        few = replace(outcome, pairs=outcome.pairs[:3], set_aside=outcome.pairs[3:])
        assert estimated_too(few, rate(1600, simulation.planned_seconds, Unit("sequences/s"))) is None
        aside = SetAside(45, 48, False, Disturbance(DisturbanceKind.WAITING, 0.4))
        by_all = replace(few, reason=DecidedDisturbed(aside))
        assert estimated_too(by_all, rate(1600, simulation.planned_seconds, Unit("sequences/s"))) == estimate
    assert fmean(points) == pytest.approx(0, abs=0.04)
    assert held >= 0.93 * 60


def test_three_sampled_rounds_decide_nothing_but_a_budget_that_is_far_away():
    arm = JobSeconds(lambda p: p.candidate_seconds, sampled=True)
    other = JobSeconds(lambda p: p.baseline_seconds, sampled=True)
    rounds = [Pair(1.0, baseline, True, QUIET, (), k) for k, baseline in enumerate((3.0, 3.01, 3.02))]
    assert ratio(other, arm, Unit("×"), at_least=2.9).estimate(rounds, 0.05) is None
    assert ratio(other, arm, Unit("×"), at_least=1.2).estimate(rounds, 0.05).low == 3.0
