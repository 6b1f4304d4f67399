"""Simulated bucketing experiments, through the code that judges real ones: `python benchmarks/truth.py bucketing`.

Every batch takes what the cost model believes, times a factor of its own that is drawn anew for each experiment, times
3 % of noise in each round. What all batches take is then known.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from pytest_cpuperf.batching import Batch, arrival_batches, sorted_batches
from pytest_cpuperf.measure.looks import plan_pair_looks
from pytest_cpuperf.measure.pairs import Quantity
from pytest_cpuperf.measure.sequential import SequentialRun
from pytest_cpuperf.proofs.bucketing.judging import JobSeconds, ratio
from pytest_cpuperf.proofs.bucketing.parts import Parts
from pytest_cpuperf.results.evidence import Evidence
from pytest_cpuperf.results.measurements import Pair
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Verdict

CONFIDENCE = 0.95
NOISE = 0.03
QUIET = Evidence(wall_seconds=0.05, own_seconds=0.05)
# Rounds that there is time for, and texts. With many texts hardly a batch is timed twice.
SETTINGS = ((16, 1600), (64, 16_000))
PLANNED_SECONDS, BASELINE_SECONDS, CUT_SECONDS = 0.4, 2.0, 0.3

Factor = Callable[[random.Random, int], float]
"""What a batch takes over what the model believes, given the tokens that each of its sequences is padded to."""

FACTORS: dict[str, Factor] = {
    "as believed": lambda rng, longest: 1.0,
    "long ones 2.5x": lambda rng, longest: 2.5 if longest > 150 else 1.0,
    "lognormal 0.3": lambda rng, longest: rng.lognormvariate(0, 0.3),
    "lognormal 0.8": lambda rng, longest: rng.lognormvariate(0, 0.8),
    "half of them 3x": lambda rng, longest: 3.0 if rng.random() < 0.5 else 1.0,
    "a fifth 4x": lambda rng, longest: 4.0 if rng.random() < 0.2 else 1.0,
    "exponential": lambda rng, longest: 0.05 + rng.expovariate(1),
    "Pareto 2.5": lambda rng, longest: rng.paretovariate(2.5),
    "one in 20 10x": lambda rng, longest: 10.0 if rng.random() < 0.05 else 1.0,
}
OFF_IN_A_CUT = (0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4)


def believed(size: int, longest: int) -> float:
    return 0.002 + 1e-4 * size * longest


class Arm:
    """An arm, of which a part is timed in every round."""

    def __init__(self, batches: Sequence[Batch], lengths: Sequence[int], max_seconds: float) -> None:
        self.parts = Parts(batches, lambda b: (len(b), max(lengths[i] for i in b)), believed, max_seconds)
        self._longest = [max(lengths[i] for i in batch) for batch in batches]
        self._costs = [believed(len(b), longest) for b, longest in zip(batches, self._longest, strict=True)]
        self._batch_of = {i: k for k, batch in enumerate(batches) for i in batch}

    def draw(self, rng: random.Random, factor: Factor, numbers: range, in_a_cut: float) -> tuple[float, list[float]]:
        """Return what the whole job takes, and what each round says."""
        factors = [factor(rng, longest) for longest in self._longest]
        rounds = []
        for number in numbers:
            part = self.parts.part(number)
            took = [
                share.predicted
                * factors[self._batch_of[share.batch[0]]]
                * (in_a_cut if share.cut > 1 else 1.0)
                * rng.lognormvariate(0, NOISE)
                for share in part
            ]
            rounds.append(self.parts.seconds(part, took))
        return sum(f * cost for f, cost in zip(factors, self._costs, strict=True)), rounds


@dataclass(frozen=True)
class Experiment:
    """An experiment whose outcome is known."""

    truth: float
    pairs: list[Pair]
    baseline: JobSeconds
    planned: JobSeconds

    def judged(self, at_least: float | None = None, *, by_centre: bool = False) -> SequentialRun[Pair]:
        """Return the measurement as it ends; `by_centre`: by the Hodges-Lehmann centre of its rounds."""
        quantity = ratio(self.baseline, self.planned, Unit("×"), at_least)
        if by_centre:
            quantity = Quantity(quantity.of_pair, quantity.unit, at_least)
        run = SequentialRun(quantity, plan_pair_looks(len(self.pairs), 1 - CONFIDENCE), CONFIDENCE)
        for pair in self.pairs:
            if run.verdict is None:
                run.add([pair], pair.evidence)
        return run


class Job:
    """Texts of which planned batches and those in arrival order are timed."""

    def __init__(self, texts: int, baseline_seconds: float = BASELINE_SECONDS) -> None:
        rng = random.Random(texts)
        lengths = [min(512, max(3, int(rng.lognormvariate(3.5, 0.9)))) for _ in range(texts)]
        self.planned = Arm(sorted_batches(lengths, 16), lengths, PLANNED_SECONDS)
        self.baseline = Arm(arrival_batches(texts, 32), lengths, baseline_seconds)

    def experiment(
        self, rng: random.Random, rounds: int, planned: Factor, baseline: Factor, in_a_cut: float = 1.0
    ) -> Experiment:
        start = rng.randrange(1000)
        numbers = range(start, start + rounds)
        planned_whole, planned_rounds = self.planned.draw(rng, planned, numbers, 1.0)
        baseline_whole, baseline_rounds = self.baseline.draw(rng, baseline, numbers, in_a_cut)
        both = enumerate(zip(planned_rounds, baseline_rounds, strict=True))
        return Experiment(
            baseline_whole / planned_whole,
            [Pair(*seconds, number % 2 == 0, QUIET, (), number) for number, seconds in both],
            JobSeconds.of(lambda p: self.baseline.parts.whole_seconds(p.baseline_seconds), self.baseline.parts),
            JobSeconds.of(lambda p: self.planned.parts.whole_seconds(p.candidate_seconds), self.planned.parts),
        )


def bucketing(repeats: int, seed: int) -> None:
    print(f"Speedups of simulated bucketing experiments at {CONFIDENCE:.0%}, {repeats} of each.")
    print("centre: by the Hodges-Lehmann centre of rounds. means: by the ratio of means, as experiments are judged.")
    print(
        "bias: of the point. true: how many intervals held the truth. pass, fail: of a budget that is the truth, where"
    )
    print("either is an error.")
    print(f"{'':<38}{'centre':>16}{'means':>16}")
    print(f"{'costs':<16}{'of':<10}{'rounds':>6}{'bias':>8}{'true':>8}{'bias':>8}{'true':>8}{'pass':>8}{'fail':>8}")
    exact = FACTORS["as believed"]
    for rounds, texts in SETTINGS:
        job = Job(texts)
        for number, (name, factor) in enumerate(FACTORS.items()):
            for which in ("planned", "arrival", "both"):
                rng = random.Random(f"{seed} {rounds} {number} {which}")
                planned, arrival = (factor if which in (side, "both") else exact for side in ("planned", "arrival"))
                found = [job.experiment(rng, rounds, planned, arrival) for _ in range(repeats)]
                told = "".join(shown_bias_and_coverage(found, by_centre=by_centre) for by_centre in (True, False))
                held = [experiment.judged(experiment.truth).verdict for experiment in found]
                errors = (held.count(verdict) / repeats for verdict in (Verdict.PASS, Verdict.FAIL))
                told += "".join(f"{share:>8.1%}" for share in errors)
                print(f"{name:<16}{which:<10}{rounds:>6}{told}", flush=True)
    cut(max(1, repeats // 4), seed)


def cut(repeats: int, seed: int) -> None:
    """Print what becomes of budgets where batches in arrival order are cut."""
    print(f"\nBatches in arrival order are cut, and a sequence costs more or less in what is timed. {repeats} of each.")
    print(
        "true: how many intervals held the truth. wrong: how many passed or failed a budget that is the truth. far: how"
    )
    print("many passed a quarter of it.")
    print(f"{'':<10}{'centre':>24}{'means':>24}")
    print(f"{'in a cut':<10}" + 2 * f"{'true':>8}{'wrong':>8}{'far':>8}")
    rounds, texts = SETTINGS[0]
    job = Job(texts, CUT_SECONDS)
    for in_a_cut in OFF_IN_A_CUT:
        rng = random.Random(f"{seed} cut {in_a_cut}")
        exact = FACTORS["as believed"]
        found = [job.experiment(rng, rounds, exact, exact, in_a_cut) for _ in range(repeats)]
        told = f"{in_a_cut:<10g}"
        for by_centre in (True, False):
            near = [e.judged(e.truth, by_centre=by_centre).verdict for e in found]
            far = [e.judged(e.truth / 4, by_centre=by_centre).verdict for e in found]
            shares = (
                sum(holds(e, by_centre=by_centre) for e in found),
                len(found) - near.count(Verdict.INCONCLUSIVE),
                far.count(Verdict.PASS),
            )
            told += "".join(f"{share / repeats:>8.1%}" for share in shares)
        print(told, flush=True)


def holds(experiment: Experiment, *, by_centre: bool) -> bool:
    estimate = experiment.judged(by_centre=by_centre).estimate
    return estimate is not None and estimate.low <= experiment.truth <= estimate.high


def shown_bias_and_coverage(found: Sequence[Experiment], *, by_centre: bool) -> str:
    estimates = [(e.judged(by_centre=by_centre).estimate, e.truth) for e in found]
    given = [(estimate, truth) for estimate, truth in estimates if estimate is not None]
    bias = math.expm1(fmean(math.log(estimate.point / truth) for estimate, truth in given))
    held = sum(estimate.low <= truth <= estimate.high for estimate, truth in given)
    return f"{bias:>+8.1%}{held / len(given):>8.1%}"
