"""How often what is stated is true, by simulation: the truth is known, and no clock is read.

usage: python benchmarks/truth.py latency|looks|against|rare|stored|bucketing [--repeats N] [--seed N]

looks     levels of the looks at pairs: how often the interval of some look misses the truth
against   pairs of fresh processes, by how much they differ and how much more work the candidate does: what is decided,
          and after how many pairs of processes
rare      the same, where some of the candidate's blocks take twice as long and the others no longer
stored    fresh processes of a stored run and of a later one, by how much processes differ, and by how much runs differ
          besides: what is decided at the budgets of 3, 5 and 10 % losses
latency   intervals for percentiles of calls that are independent, depend on their neighbours, or are slow in spells:
          one interval from a fixed number of calls, and measurements that stop at a planned look
bucketing speedups from rounds that sample batches whose costs are skewed, and from batches that are cut

Needs pytest-cpuperf[dev] (numpy and scipy).
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist, median

import numpy as np
from rounds import bucketing
from scipy.optimize import brentq
from scipy.signal import lfilter

from pytest_cpuperf.calibration.gates import SLOWER_BY, budget_for
from pytest_cpuperf.measure.against import decide_by_totals_too
from pytest_cpuperf.measure.estimate import centre, lower_rank
from pytest_cpuperf.measure.latency import Percentile
from pytest_cpuperf.measure.looks import MOST_PAIRS, plan_looks, plan_pair_looks
from pytest_cpuperf.measure.pairs import speedup
from pytest_cpuperf.measure.processes import MOST as STORED_PROCESSES
from pytest_cpuperf.measure.processes import PAIRS, are_enough
from pytest_cpuperf.measure.sequential import SequentialRun
from pytest_cpuperf.measure.staged import MOST_PROCESSES, decide
from pytest_cpuperf.measure.stored import judge_processes
from pytest_cpuperf.results.evidence import Evidence
from pytest_cpuperf.results.measurements import Pair, ProcessSpeed
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Verdict

ALPHA = 0.05
PERCENTILES = (0.5, 0.9, 0.95, 0.99)
CALLS = (100, 200, 500, 1000, 2000, 5000, 20_000)
PLANNED = (200, 2000, 20_000)
# The standard deviation of logarithms of latencies: so much that the 1 % by which intervals are widened helps little.
SPREAD = 0.3
SLOW_SHARE, SLOW_TIMES = 0.08, 10.0
GROUP = 50
QUIET = Evidence(wall_seconds=0.05, own_seconds=0.05)


@dataclass(frozen=True)
class Calls:
    """Simulated calls whose percentiles are known."""

    name: str
    draw: Callable[[np.random.Generator, int], np.ndarray]
    """Returns so many seconds, in the order of time."""
    quantile: Callable[[float], float]


def autoregressive(phi: float) -> Calls:
    """Return calls whose logarithm is `phi` times the last call's, and noise."""

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        noise = rng.standard_normal(n) * math.sqrt(1 - phi**2)
        noise[0] = rng.standard_normal()
        return np.exp(SPREAD * lfilter([1], [1, -phi], noise))

    name = f"AR(1) {phi:g}" if phi else "independent"
    return Calls(name, draw, lambda p: math.exp(SPREAD * NormalDist().inv_cdf(p)))


def two_speeds(name: str, calls_in_a_spell: float | None) -> Calls:
    """Return calls of which a share is slow: each by itself, or in spells of a mean length."""

    def slow(rng: np.random.Generator, n: int) -> np.ndarray:
        if calls_in_a_spell is None:
            return rng.random(n) < SLOW_SHARE
        between = calls_in_a_spell * (1 - SLOW_SHARE) / SLOW_SHARE
        state = rng.random() < SLOW_SHARE
        spells: list[np.ndarray] = []
        while sum(map(len, spells)) < n:
            spells.append(np.full(rng.geometric(1 / (calls_in_a_spell if state else between)), state))
            state = not state
        return np.concatenate(spells)[:n]

    def draw(rng: np.random.Generator, n: int) -> np.ndarray:
        return np.exp(SPREAD * rng.standard_normal(n)) * np.where(slow(rng, n), SLOW_TIMES, 1.0)

    def share_below(seconds: float) -> float:
        noise = NormalDist(0, SPREAD)
        fast, slow = noise.cdf(math.log(seconds)), noise.cdf(math.log(seconds / SLOW_TIMES))
        return (1 - SLOW_SHARE) * fast + SLOW_SHARE * slow

    return Calls(name, draw, lambda p: brentq(lambda x: share_below(x) - p, 0.1, 100))


def heavy_tail(exponent: float) -> Calls:
    """Return independent calls above 1 whose share above x is x to the power of minus `exponent`."""
    return Calls(
        f"Pareto {exponent:g}", lambda rng, n: 1 + rng.pareto(exponent, n), lambda p: (1 - p) ** (-1 / exponent)
    )


LATENCIES = (
    autoregressive(0),
    autoregressive(0.5),
    autoregressive(0.9),
    autoregressive(0.95),
    two_speeds("two speeds", None),
    two_speeds("spells of 5", 5),
    two_speeds("spells of 20", 20),
    heavy_tail(1.5),
)


def latency(repeats: int, seed: int) -> None:
    print(f"One interval at {1 - ALPHA:.0%} from a fixed number of calls, {repeats} times each.")
    print("given: how often an interval was stated. true: how many of these held the percentile. above, below:")
    print("how often one was stated that lies above the percentile, or below it. width: median of high / low - 1.")
    print(f"{'calls':<14}{'p':>5}{'n':>7}{'given':>8}{'true':>8}{'above':>8}{'below':>8}{'width':>8}")
    for number, (calls, p, n) in enumerate(itertools.product(LATENCIES, PERCENTILES, CALLS)):
        rng = np.random.default_rng([seed, number])
        goal, truth = Percentile(p, None), calls.quantile(p)
        drawn = (calls.draw(rng, n).tolist() for _ in range(repeats))
        given = [e for units in drawn if n >= goal.fewest(ALPHA) and (e := goal.estimate(units, ALPHA))]
        above, below = sum(e.low > truth for e in given), sum(e.high < truth for e in given)
        true = shown_share(len(given) - above - below, len(given))
        width = f"{median(e.high / e.low - 1 for e in given):8.1%}" if given else f"{'-':>8}"
        print(
            f"{calls.name:<14}{100 * p:>5g}{n:>7}{shown_share(len(given), repeats)}{true}"
            f"{shown_share(above, repeats)}{shown_share(below, repeats)}{width}",
            flush=True,
        )
    measurements(max(1, repeats // 4), seed)


def measurements(repeats: int, seed: int) -> None:
    """Print how often measurements are wrong that stop at the first planned look that is clear."""
    print(f"\nMeasurements with planned looks, {repeats} times each: no budget, and a budget that is the truth, where")
    print("each pass and each fail is an error.")
    print(f"{'calls':<14}{'p':>5}{'at most':>9}{'given':>8}{'true':>8}{'calls':>8}{'pass':>8}{'fail':>8}")
    for number, (calls, p, planned) in enumerate(itertools.product(LATENCIES, PERCENTILES, PLANNED)):
        rng = np.random.default_rng([seed, 1, number])
        truth = calls.quantile(p)
        free = [measurement(Percentile(p, None), calls.draw(rng, planned).tolist()) for _ in range(repeats)]
        held = [measurement(Percentile(p, truth), calls.draw(rng, planned).tolist()).verdict for _ in range(repeats)]
        given = [run.estimate for run in free if run.estimate]
        true = shown_share(sum(e.low <= truth <= e.high for e in given), len(given))
        needed = f"{median(e.pairs for e in given):>8g}" if given else f"{'-':>8}"
        print(
            f"{calls.name:<14}{100 * p:>5g}{planned:>9}{shown_share(len(given), repeats)}{true}{needed}"
            f"{shown_share(held.count(Verdict.PASS), repeats)}{shown_share(held.count(Verdict.FAIL), repeats)}",
            flush=True,
        )


def shown_share(count: int, of: int) -> str:
    return f"{count / of:8.1%}" if of else f"{'-':>8}"


def measurement(goal: Percentile, seconds: list[float]) -> SequentialRun[float]:
    """Return a measurement of these calls on a machine that disturbs none, as it ends."""
    run = SequentialRun(goal, plan_looks(len(seconds), ALPHA, goal.fewest), 1 - ALPHA)
    for start in range(0, len(seconds), GROUP):
        if run.verdict is None:
            run.add(seconds[start : start + GROUP], QUIET)
    return run


def looks(repeats: int, seed: int) -> None:
    """Print how often some look is wrong, by the signed-rank test that the interval is the inverse of."""
    print(f"Share of {repeats} measurements in which the interval of some look misses the truth, over what is allowed.")
    planned_counts = (8, 12, 20, 40, 80, MOST_PAIRS)
    print(f"{'allowed':>8}" + "".join(f"{n:>7} pairs" for n in planned_counts))
    values = np.random.default_rng(seed).standard_normal((repeats, MOST_PAIRS))
    for alpha in (0.2, 0.1, 0.05, 0.02, 0.01, 0.001):
        shares = []
        for planned in planned_counts:
            wrong = np.zeros(repeats, bool)
            for look in plan_pair_looks(planned, alpha):
                ranks = np.abs(values[:, : look.count]).argsort(axis=1).argsort(axis=1) + 1
                above = np.where(values[:, : look.count] > 0, ranks, 0).sum(axis=1)
                most = look.count * (look.count + 1) // 2
                wrong |= np.minimum(above, most - above) <= lower_rank(look.count, look.alpha)
            shares.append(wrong.mean() / alpha)
        print(f"{alpha:>8g}" + "".join(f"{share:>13.2f}" for share in shares), flush=True)


def against(repeats: int, seed: int) -> None:
    print(f"{repeats} verdicts each. differ: standard deviation of the logarithm of speedups of pairs of processes.")
    print(f"{'differ':>7}{'more work':>11}{'passed':>9}{'failed':>9}{'undecided':>11}{'processes':>11}")
    for spread, more in itertools.product((0.005, 0.015, 0.025, 0.04), (0.0, 0.03, 0.05, 0.07, 0.10)):
        rng = np.random.default_rng([seed, round(1000 * spread), round(1000 * more)])
        verdicts, asked = [], []
        for _ in range(repeats):
            logs = rng.normal(-math.log1p(more), spread, MOST_PROCESSES).tolist()
            decisions = ((decide(logs[:n]), n) for n in range(1, MOST_PROCESSES + 1))
            decision, n = next((d, n) for d, n in decisions if d is not None)
            verdicts.append(decision.verdict)
            asked.append(n)
        shares = (verdicts.count(v) / repeats for v in (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE))
        told = "".join(f"{share:>{width}.2%}" for share, width in zip(shares, (9, 9, 11), strict=True))
        print(f"{spread:>7.1%}{more:>11.0%}{told}{sum(asked) / repeats:>11.2f}", flush=True)


def rare(repeats: int, seed: int) -> None:
    """Print what is decided where blocks scatter by 1 or 2 %, and some blocks of the candidate are slow."""
    print(f"{repeats} verdicts each, processes that differ by 1 %; slow: the share of blocks that take twice as long.")
    print(f"{'scatter':>8}{'slow':>7}{'passed':>9}{'failed':>9}{'undecided':>11}{'processes':>11}")
    for scatter, slow in itertools.product((0.01, 0.02), (0.0, 0.02, 0.05, 0.1, 0.2)):
        rng = np.random.default_rng([seed, round(1000 * scatter), round(1000 * slow)])
        verdicts, asked = [], []
        for _ in range(repeats):
            logs: list[float] = []
            pairs_of: list[list[Pair]] = []
            decision = None
            while decision is None:
                pairs_of.append(process_with_slow_blocks(rng, scatter, slow))
                logs.append(centre([math.log(speedup(p)) for p in pairs_of[-1]]))
                decision, _ = decide_by_totals_too(logs, pairs_of)
            verdicts.append(decision.verdict)
            asked.append(len(logs))
        shares = (verdicts.count(v) / repeats for v in (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE))
        told = "".join(f"{share:>{width}.1%}" for share, width in zip(shares, (9, 9, 11), strict=True))
        print(f"{scatter:>8.0%}{slow:>7.0%}{told}{sum(asked) / repeats:>11.2f}", flush=True)


def process_with_slow_blocks(rng: np.random.Generator, scatter: float, slow: float) -> list[Pair]:
    """Return as many pairs of blocks as are timed in a pair of processes that are 1 % apart."""
    faster = rng.normal(0, 0.01)
    pairs: list[Pair] = []
    while not are_enough(pairs, PAIRS):
        candidate, baseline = (0.05 * math.exp(rng.normal(0, scatter)) for _ in range(2))
        times = 2 if rng.random() < slow else 1
        pairs.append(Pair(times * candidate * math.exp(-faster), baseline, True, QUIET))
    return pairs


def stored(repeats: int, seed: int) -> None:
    """Print what fresh processes of two runs decide: the same code, and code that is slower, each at three budgets."""
    rng = np.random.default_rng(seed)
    print("processes, runs: standard deviation of the logarithm between processes of a run, and between runs besides")
    print(f"{'processes':>9}{'runs':>6}{'budget':>8}{'slower by':>11}{'same: pass':>12}{'fail':>7}", end="")
    print(f"{'slower: pass':>14}{'fail':>7}{'processes used':>16}")

    def speeds(times: float, spread: float, drift: float) -> list[ProcessSpeed]:
        logs = rng.normal(rng.normal(0, drift) - math.log(times), spread, STORED_PROCESSES)
        return [ProcessSpeed(math.exp(log), 12, "") for log in logs]

    for spread, drift in itertools.product((0.005, 0.01, 0.015, 0.025, 0.04), (0.0, 0.01)):
        for slower_by in SLOWER_BY:
            budget = budget_for(slower_by)
            shares, used = [], []
            for times in (1.0, 1 + slower_by):
                pairs = [(speeds(times, spread, drift), speeds(1.0, spread, drift)) for _ in range(repeats)]
                judged = [judge_processes(head, base, budget, 1 - ALPHA, Unit()) for head, base in pairs]
                verdicts = [verdict for verdict, _, _ in judged]
                shares += [verdicts.count(v) / repeats for v in (Verdict.PASS, Verdict.FAIL)]
                used += [count for _, _, count in judged]
            told = "".join(f"{share:>{width}.1%}" for share, width in zip(shares, (12, 7, 14, 7), strict=True))
            print(f"{spread:>9.1%}{drift:>6.1%}{budget:>8g}{slower_by:>11.0%}{told}{np.mean(used):>16.1f}", flush=True)


SIMULATIONS = {
    "latency": latency,
    "looks": looks,
    "against": against,
    "rare": rare,
    "stored": stored,
    "bucketing": bucketing,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("simulation", choices=SIMULATIONS)
    parser.add_argument("--repeats", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    SIMULATIONS[args.simulation](args.repeats, args.seed)


if __name__ == "__main__":
    main()
