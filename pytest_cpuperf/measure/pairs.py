"""The measuring loop: interleaved pairs, each with evidence, until a planned look decides.

Neighbouring blocks share the machine's mood: comparing within pairs is 2 to 80 times as accurate as comparing
separate runs (Bulej et al., arXiv 2001.05811). Sides alternate (A B, B A, A B, …) so that drift cancels.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median

from pytest_cpuperf.machine.evidence import Watch, total
from pytest_cpuperf.measure.blocks import SelfTimedWork, Work, garbage_between_blocks, time_block, warm_up
from pytest_cpuperf.measure.estimate import estimate_of_logs, smallest_count
from pytest_cpuperf.measure.looks import Look, plan_looks
from pytest_cpuperf.results.evidence import Evidence
from pytest_cpuperf.results.figures import amount
from pytest_cpuperf.results.measurements import Pair
from pytest_cpuperf.results.remarks import Remark, stated
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Estimate, Verdict

MOST_PAIRS = 160
_OVERHEAD_SECONDS = 0.01  # of a pair: reading counters and collecting garbage
# With more than this share of the pairs set aside, what is left is too small a part of the truth to judge by.
MOST_SET_ASIDE = 0.75
# Without a budget there is nothing to be clear about; this half-width, relative to the point, is clear enough.
CLEAR_ENOUGH = 0.02
# A figure that is stored blurs each later verdict by its own interval.
CARRIED_CLEAR_ENOUGH = 0.01


Progress = Callable[[int, "Estimate | None", float], None]
"""Takes the pairs (or calls) so far, the estimate where there is one, and the seconds left."""


@dataclass(frozen=True)
class Patience:
    """How long a measurement may take, and how sure it must be."""

    max_seconds: float = 20.0
    confidence: float = 0.95
    progress: Progress | None = None
    """Told between blocks how far the measurement is."""

    def tell(self, count: int, estimate: Estimate | None, deadline: float) -> None:
        """Tell whoever watches."""
        if self.progress is not None:
            self.progress(count, estimate, max(0.0, deadline - time.perf_counter()))


@dataclass(frozen=True)
class Quantity:
    """What is estimated from pairs, and what it is held against."""

    of_pair: Callable[[Pair], float]
    """The quantity for one pair, above 0; larger is better."""
    unit: Unit
    at_least: float | None
    blur: tuple[float, float] = (1.0, 1.0)
    """How unsure the budget itself is, as factors below and above: a stored figure has an interval of its own."""
    carried: Callable[[Pair], float] | None = None
    """What is stored for later runs; without a budget, pairs are measured until it is clear too."""


@dataclass(frozen=True)
class Outcome:
    """How a measurement ended."""

    verdict: Verdict
    reason: Remark | None
    estimate: Estimate | None
    pairs: tuple[Pair, ...]
    set_aside: tuple[Pair, ...]
    evidence: Evidence | None
    calls_per_block: int
    warm_up_calls: int
    steady: bool
    seconds_spent: float


def measure_pairs(
    candidate: Work,
    baseline: Work,
    quantity: Quantity,
    patience: Patience,
    cpus: tuple[int, ...],
    also: tuple[Work, ...] = (),
) -> Outcome:
    """Time the two sides in pairs of blocks until a planned look is clear, or time is over.

    `cpus` are those the process is pinned to; the evidence is read for them. Either side may run in another
    process, pinned alike. What is in `also` is timed after the two in every round, a call each, for the record:
    the verdict is on the pair. Whatever a side raises is let through.
    """
    began = time.perf_counter()
    deadline = began + patience.max_seconds
    with garbage_between_blocks() as collect_garbage:
        warm = warm_up(candidate, patience.max_seconds * 0.1)
        warm_baseline = warm_up(baseline, patience.max_seconds * 0.1)
        calls, baseline_calls = warm.calls_per_block, warm_baseline.calls_per_block
        pair_seconds = warm.seconds_per_call * calls + warm_baseline.seconds_per_call * baseline_calls
        pair_seconds += sum(time_block(work, 1) for work in also)
        affordable = int((deadline - time.perf_counter()) / (1.1 * pair_seconds + _OVERHEAD_SECONDS))
        run = _Run(quantity, patience, plan_looks(min(MOST_PAIRS, affordable), 1 - patience.confidence))
        if run.looks:
            watch = Watch(cpus, [w.counters for w in (candidate, baseline) if isinstance(w, SelfTimedWork)])
            longest = pair_seconds
            while run.verdict is None and time.perf_counter() + longest <= deadline:
                collect_garbage()
                patience.tell(len(run.clean), run.estimate, deadline)
                pair_began = time.perf_counter()
                number = len(run.all_pairs)
                pair = _time_pair(candidate, calls, baseline, baseline_calls, number % 2 == 0, also, watch)
                run.add(replace(pair, number=number))
                longest = max(longest, time.perf_counter() - pair_began)
    verdict, reason = run.conclude(pair_seconds)
    return Outcome(
        verdict=verdict,
        reason=stated(reason),
        estimate=run.estimate,
        pairs=tuple(run.clean),
        set_aside=tuple(p for p in run.all_pairs if p.evidence.disturbance),
        evidence=total(p.evidence for p in run.all_pairs),
        calls_per_block=calls,
        warm_up_calls=warm.calls + warm_baseline.calls,
        steady=warm.steady and warm_baseline.steady,
        seconds_spent=time.perf_counter() - began,
    )


def _time_pair(
    candidate: Work,
    calls: int,
    baseline: Work,
    baseline_calls: int,
    candidate_first: bool,
    also: tuple[Work, ...],
    watch: Watch,
) -> Pair:
    before = watch.read()
    if candidate_first:
        candidate_seconds = time_block(candidate, calls)
        baseline_seconds = time_block(baseline, baseline_calls)
    else:
        baseline_seconds = time_block(baseline, baseline_calls)
        candidate_seconds = time_block(candidate, calls)
    # In turn from either end, as the sides of the pair take turns.
    order = range(len(also)) if candidate_first else range(len(also) - 1, -1, -1)
    seconds = {k: time_block(also[k], 1) for k in order}
    evidence = watch.between(before, watch.read())
    return Pair(
        candidate_seconds / calls,
        baseline_seconds / baseline_calls,
        candidate_first,
        evidence,
        tuple(seconds[k] for k in range(len(also))),
    )


class _Run:
    """The pairs so far, and what the planned looks said of them."""

    def __init__(self, quantity: Quantity, patience: Patience, looks: tuple[Look, ...]) -> None:
        self.quantity = quantity
        self.patience = patience
        self.looks = looks
        self.all_pairs: list[Pair] = []
        self.clean: list[Pair] = []
        self.estimate: Estimate | None = None
        self.verdict: Verdict | None = None
        self._looks_taken = 0

    def add(self, pair: Pair) -> None:
        self.all_pairs.append(pair)
        if pair.evidence.disturbance:
            return
        self.clean.append(pair)
        if len(self.clean) == self.looks[self._looks_taken].pairs:
            self._look(self.looks[self._looks_taken].alpha)

    def _look(self, alpha: float) -> None:
        """Estimate from the clean pairs, and decide if they are clear or this was the last look."""
        self._looks_taken += 1
        last = self._looks_taken == len(self.looks)
        logs = [math.log(self.quantity.of_pair(p)) for p in self.clean]
        self.estimate = estimate_of_logs(logs, alpha, self.quantity.unit)
        verdict = judge(self.estimate, self.quantity.at_least, self.quantity.blur)
        if verdict is Verdict.NO_BUDGET:
            if last or (_within(self.estimate, CLEAR_ENOUGH) and self._carried_is_clear(alpha)):
                self.verdict = verdict
        elif verdict is not Verdict.INCONCLUSIVE or last:
            self.verdict = verdict

    def _carried_is_clear(self, alpha: float) -> bool:
        if self.quantity.carried is None:
            return True
        logs = [math.log(self.quantity.carried(p)) for p in self.clean]
        return _within(estimate_of_logs(logs, alpha, Unit()), CARRIED_CLEAR_ENOUGH)

    def conclude(self, pair_seconds: float) -> tuple[Verdict, str]:
        """Return the verdict and its reason, now that no more pairs come."""
        if not self.looks:
            fewest = smallest_count(1 - self.patience.confidence)
            needed = fewest * pair_seconds / 0.75
            return Verdict.INCONCLUSIVE, (
                f"one pair of blocks takes {amount(pair_seconds)} s, and {fewest} pairs are the fewest that give an "
                f"interval: max_seconds is {self.patience.max_seconds:g}, about {math.ceil(needed)} are needed"
            )
        if self.verdict is None:
            # Time is over between two looks: what error the looks not taken would have spent goes to this one.
            alpha = sum(look.alpha for look in self.looks[self._looks_taken :])
            if len(self.clean) >= smallest_count(alpha):
                self._looks_taken = len(self.looks) - 1
                self._look(alpha)
        aside = len(self.all_pairs) - len(self.clean)
        if self.verdict is None or aside > MOST_SET_ASIDE * len(self.all_pairs):
            return Verdict.INCONCLUSIVE, self._disturbed() if aside else (
                f"{len(self.clean)} pairs in {self.patience.max_seconds:g} s are too few for an interval: calls became "
                "slower than the warm-up showed; raise max_seconds"
            )
        if self.verdict is Verdict.INCONCLUSIVE:
            reason = too_close(self.estimate)
            return self.verdict, f"{reason}; {self._disturbed()}" if aside > len(self.all_pairs) / 4 else reason
        return self.verdict, ""

    def _disturbed(self) -> str:
        common = Counter((p.evidence.disturbance or "").split(" for ")[0].split(" took ")[0] for p in self.all_pairs)
        common.pop("", None)
        kind = common.most_common(1)[0][0]
        worst = max(
            (p.evidence for p in self.all_pairs if (p.evidence.disturbance or "").startswith(kind)),
            key=lambda e: (e.waited_seconds or 0) + (e.others_seconds or 0) + (e.steal_seconds or 0),
        )
        aside = len(self.all_pairs) - len(self.clean)
        return f"{aside} of {len(self.all_pairs)} pairs were set aside: {worst.disturbance} in the worst"


def _within(estimate: Estimate, half_width: float) -> bool:
    """Return whether half the interval is at most `half_width` of the point."""
    return estimate.high - estimate.low <= 2 * half_width * estimate.point


def too_close(estimate: Estimate | None) -> str:
    """Return why an interval that holds the budget decides nothing, and what it could have decided."""
    assert estimate is not None
    return (
        f"the interval holds the budget: a difference of less than {estimate.smallest_difference:.1%} cannot be told "
        "here and now"
    )


def judge(estimate: Estimate, at_least: float | None, blur: tuple[float, float] = (1.0, 1.0)) -> Verdict:
    """Return the verdict of an interval against a budget: clear on one side of it, or inconclusive."""
    if at_least is None:
        return Verdict.NO_BUDGET
    if estimate.low >= at_least * blur[1]:
        return Verdict.PASS
    if estimate.high < at_least * blur[0]:
        return Verdict.FAIL
    return Verdict.INCONCLUSIVE


def also_estimate(
    pairs: tuple[Pair, ...], of_pair: Callable[[Pair], float], unit: Unit, confidence: float
) -> Estimate | None:
    """Return another quantity over pairs already measured, for the record; None where they are too few."""
    alpha = 1 - confidence
    if len(pairs) < smallest_count(alpha):
        return None
    return estimate_of_logs([math.log(of_pair(p)) for p in pairs], alpha, unit)


def changed_speed(pairs: tuple[Pair, ...]) -> float | None:
    """Return how many times as fast the candidate was behind some pair as before it, where that is plain.

    Plain is a tenth or more, at least four pairs on either side, and none of one side within the other's range. It is
    held against the other side of each pair, so that a machine that changes its own speed does not show. None where
    it is not plain, or for fewer than 12 pairs.
    """
    speeds = [speedup(p) for p in pairs]
    if len(speeds) < 12:
        return None
    changes = []
    for split in range(4, len(speeds) - 3):
        first, last = speeds[:split], speeds[split:]
        change = median(last) / median(first)
        apart = min(last) > max(first) or max(last) < min(first)
        if apart and not 1 / 1.1 < change < 1.1:
            changes.append(change)
    return max(changes, key=lambda c: abs(math.log(c)), default=None)


def speedup(pair: Pair) -> float:
    """Return how many times as fast the candidate was as the baseline."""
    return pair.baseline_seconds / pair.candidate_seconds
