"""The measuring loop: interleaved pairs, each with evidence, until a planned look decides.

Neighbouring blocks share the machine's mood: comparing within pairs is 2 to 80 times as accurate as comparing
separate runs (Bulej et al., arXiv 2001.05811). Sides alternate (A B, B A, A B, …) so that drift cancels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from pytest_cpuperf.clock import now
from pytest_cpuperf.machine.evidence import Watch, total
from pytest_cpuperf.measure.blocks import (
    SelfTimedWork,
    TimeOverError,
    WarmUp,
    Work,
    garbage_between_blocks,
    time_block,
    warm_up,
)
from pytest_cpuperf.measure.estimate import estimate_of_logs, smallest_count
from pytest_cpuperf.measure.looks import MOST_PAIRS, PlannedLook, plan_pair_looks
from pytest_cpuperf.measure.outcome import Outcome
from pytest_cpuperf.measure.sequential import Goal, Patience, SequentialRun
from pytest_cpuperf.measure.totals import contradicting_total, in_total
from pytest_cpuperf.measure.tracing import untraced
from pytest_cpuperf.results.measurements import Pair
from pytest_cpuperf.results.remarks import Remark
from pytest_cpuperf.results.remarks.measuring import BlocksTooLong, TimeOver, TooFewPairs
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Estimate, Verdict

# A budget so many times away is decided by few pairs, and by disturbed ones.
FAR = 2.0
_FEWEST_FAR = 3
_FEWEST_PLAIN = 16
_PLAIN_ALPHA = 0.001
_OVERHEAD_SECONDS = 0.01  # of a pair: reading counters and collecting garbage
# Without a budget there is nothing to be clear about; this half-width, relative to the point, is clear enough.
CLEAR_ENOUGH = 0.02
# No verdict waits for a figure alone, and a function that changes its speed late is seen by no fewer.
FEWEST_FOR_A_FIGURE = 20
# A figure that is stored blurs each later verdict by its own interval.
CARRIED_CLEAR_ENOUGH = 0.01


@dataclass(frozen=True)
class Blocks:
    """How long the blocks of some pairs are, and in how many turns each is timed."""

    up_to: int
    """The pairs, counted from 0, before this one."""
    seconds: float
    turns: int


# The machine's speed wanders within a tenth of a second, and stalls hit long blocks more often than short ones: as many
# pairs of 10 ms decide as of 50 ms. But counters tell little of short pairs, so that what is not clear soon is measured
# in longer ones, whose sides take turns within them.
BLOCKS = (Blocks(32, 0.01, 1), Blocks(64, 0.02, 2), Blocks(MOST_PAIRS, 0.05, 5))


def blocks_of(number: int) -> Blocks:
    """Return how a pair is timed, given its number from 0."""
    return next((blocks for blocks in BLOCKS if number < blocks.up_to), BLOCKS[-1])


@dataclass(frozen=True)
class Quantity(Goal[Pair]):
    """What is estimated from pairs, and what it is held against."""

    of_pair: Callable[[Pair], float]
    """The quantity for one pair, above 0; larger is better."""
    unit: Unit
    at_least: float | None
    carried: Callable[[Pair], float] | None = None
    """What is stored for later runs; without a budget, pairs are measured until it is clear too."""
    disturbance_only_slows: bool = False
    """Whether this is a rate of the candidate alone, which disturbances can only lower."""

    def fewest(self, alpha: float) -> int:
        """Return how many pairs give an interval at a level."""
        return smallest_count(alpha)

    def estimate(self, units: Sequence[Pair], alpha: float) -> Estimate | None:
        """Return the estimate from pairs, at level 1 - alpha.

        None where they are too few. Where the budget is far from every one of them that does not matter: the interval
        then goes from the least to the most.
        """
        if len(units) >= smallest_count(alpha):
            return estimate_of_logs([math.log(self.of_pair(p)) for p in units], alpha, self.unit)
        values = [self.of_pair(p) for p in units]
        if not self._is_far_from(min(values), max(values)):
            return None
        return Estimate(median(values), min(values), max(values), self.unit, 1 - alpha, len(values))

    def is_plain(self, measured: Sequence[Pair]) -> bool:
        """Return whether pairs show something so far from the budget that no disturbance explains it.

        A neighbour can halve the speed of one side, so a ratio is plain from twice the budget and from half of it. A
        rate that is too low never is.
        """
        if len(measured) < _FEWEST_PLAIN:
            return False
        found = estimate_of_logs([math.log(self.of_pair(p)) for p in measured], _PLAIN_ALPHA, self.unit)
        if self.disturbance_only_slows and self.judge(found) is not Verdict.PASS:
            return False
        return self._is_far_from(found.low, found.high)

    def _is_far_from(self, low: float, high: float) -> bool:
        return self.at_least is not None and (low >= FAR * self.at_least or FAR * high <= self.at_least)

    def judge(self, estimate: Estimate) -> Verdict:
        """Return the verdict of the estimate against the budget."""
        return judge(estimate, self.at_least)

    def contradiction(self, verdict: Verdict, measured: Sequence[Pair], clean: Sequence[Pair]) -> Remark | None:
        """Return that the total times are on the other side of the budget; None where they are not, or there is none.

        Pairs that were set aside count in a ratio, which they do not move one way; a rate they can only lower.
        """
        if self.at_least is None:
            return None
        return contradicting_total(measured if self.unit.is_share else clean, self.of_pair, self.at_least, verdict)

    def is_clear(self, estimate: Estimate, units: Sequence[Pair], alpha: float) -> bool:
        """Return whether an estimate without a budget is narrow enough, and what is stored too."""
        if len(units) < FEWEST_FOR_A_FIGURE or not _within(estimate, CLEAR_ENOUGH):
            return False
        if self.carried is None:
            return True
        logs = [math.log(self.carried(p)) for p in units]
        return _within(estimate_of_logs(logs, alpha, Unit()), CARRIED_CLEAR_ENOUGH)


@untraced
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

    A pair may take twice as long as any before it. One that is not over by then, nor by the end of time, is cut, and
    there is no verdict from the others.
    """
    began = now()
    deadline = began + patience.max_seconds
    pairs: list[Pair] = []
    warm: list[WarmUp] = []
    run = SequentialRun(quantity, (), patience.confidence)
    affordable, pair_seconds = 0, 0.0
    over: Remark | None = None
    with garbage_between_blocks() as collect_garbage:
        try:
            warm = [warm_up(work, patience.max_seconds * 0.1, deadline) for work in (candidate, baseline)]
            also_seconds = sum(time_block(w, 1, deadline) for w in also)

            def expected_seconds(number: int) -> float:
                seconds = blocks_of(number).seconds
                return also_seconds + sum(w.calls_in(seconds) * w.seconds_per_call for w in warm)

            pair_seconds = expected_seconds(0)
            affordable = _affordable(expected_seconds, deadline - now())
            looks = plan_pair_looks(affordable, patience.alpha)
            if not looks and quantity.at_least is not None and affordable >= _FEWEST_FAR:
                looks = tuple(
                    PlannedLook(n, patience.alpha, patience.alpha) for n in range(_FEWEST_FAR, affordable + 1)
                )
            run = SequentialRun(quantity, looks, patience.confidence)
            watch = Watch(cpus, [w.counters for w in (candidate, baseline) if isinstance(w, SelfTimedWork)])
            longest = 0.0
            while looks and run.verdict is None:
                number = len(pairs)
                blocks, longest = blocks_of(number), max(longest, expected_seconds(number))
                if now() + longest > deadline:
                    break
                collect_garbage()
                patience.report(len(run.clean), run.estimate, deadline)
                pair_began = now()
                calls, baseline_calls = (w.calls_in(blocks.seconds) for w in warm)
                until = deadline + longest
                timed = time_pair(
                    candidate, calls, baseline, baseline_calls, number % 2 == 0, watch, also, until, blocks.turns
                )
                pairs.append(replace(timed, number=number))
                run.add(pairs[-1:], timed.evidence)
                longest = max(longest, now() - pair_began)
        except TimeOverError as error:
            over = TimeOver(error.calls, error.seconds, patience.max_seconds)

    def too_few() -> Remark:
        if over is not None:
            return over
        if run.looks and affordable >= smallest_count(patience.alpha):
            return TooFewPairs(len(run.clean), patience.max_seconds)
        fewest = smallest_count(patience.alpha)
        return BlocksTooLong(pair_seconds, fewest, patience.max_seconds, fewest * pair_seconds / 0.75)

    verdict, reason = run.conclude(too_few)
    if over is not None and verdict in (Verdict.PASS, Verdict.FAIL):
        verdict, reason = Verdict.INCONCLUSIVE, over
    return Outcome(
        verdict=verdict,
        reason=reason,
        estimate=run.estimate,
        pairs=tuple(run.clean),
        set_aside=tuple(p for p in pairs if p.evidence.disturbance is not None),
        evidence=total(p.evidence for p in pairs),
        calls_per_block=warm[0].calls_in(BLOCKS[0].seconds) if warm else 1,
        warm_up_calls=sum(w.calls for w in warm),
        steady=bool(warm) and all(w.steady for w in warm),
        seconds_spent=now() - began,
        alpha=run.alpha,
        total=quantity.of_pair(in_total(pairs)) if pairs else None,
        notes=(over,) if over is not None and over is not reason else (),
    )


def _affordable(expected_seconds: Callable[[int], float], seconds: float) -> int:
    """Return how many pairs fit into so many seconds, `MOST_PAIRS` at most."""
    for number in range(MOST_PAIRS):
        seconds -= 1.1 * expected_seconds(number) + _OVERHEAD_SECONDS
        if seconds < 0:
            return number
    return MOST_PAIRS


def time_pair(
    candidate: Work,
    calls: int,
    baseline: Work,
    baseline_calls: int,
    candidate_first: bool,
    watch: Watch,
    also: tuple[Work, ...] = (),
    until: float = math.inf,
    turns: int = 1,
) -> Pair:
    """Time a block of each side, and a call of what is in `also`; the pair's number is yet to be given.

    The sides take turns within their blocks, so many as there are calls for: A B, B A, A B, … Raises TimeOverError
    where the clock passes `until` in one of them.
    """
    before = watch.read()
    sides = (candidate, calls), (baseline, baseline_calls)
    turns = min(turns, calls, baseline_calls)
    spent = [0.0, 0.0]
    for turn in range(turns):
        first = 0 if candidate_first == (turn % 2 == 0) else 1
        for k in (first, 1 - first):
            work, count = sides[k]
            spent[k] += time_block(work, count * (turn + 1) // turns - count * turn // turns, until)
    candidate_seconds, baseline_seconds = spent
    # In turn from either end, as the sides of the pair take turns.
    order = range(len(also)) if candidate_first else range(len(also) - 1, -1, -1)
    seconds = {k: time_block(also[k], 1, until) for k in order}
    evidence = watch.between(before, watch.read())
    return Pair(
        candidate_seconds / calls,
        baseline_seconds / baseline_calls,
        candidate_first,
        evidence,
        tuple(seconds[k] for k in range(len(also))),
    )


def _within(estimate: Estimate, half_width: float) -> bool:
    """Return whether half the interval is at most `half_width` of the point."""
    return estimate.high - estimate.low <= 2 * half_width * estimate.point


def judge(estimate: Estimate, at_least: float | None) -> Verdict:
    """Return the verdict of an interval against a budget: clear on one side of it, or inconclusive."""
    if at_least is None:
        return Verdict.NO_BUDGET
    if estimate.low >= at_least:
        return Verdict.PASS
    if estimate.high < at_least:
        return Verdict.FAIL
    return Verdict.INCONCLUSIVE


def also_estimate(outcome: Outcome, of_pair: Callable[[Pair], float], unit: Unit) -> Estimate | None:
    """Return another quantity over the pairs of a measurement, for the record; None where they are too few.

    Its interval is at the level of the look that ended the measurement, so that it holds as surely as the estimate's.
    """
    if outcome.estimate is None or len(outcome.pairs) < smallest_count(outcome.alpha):
        return None
    estimate = estimate_of_logs([math.log(of_pair(p)) for p in outcome.pairs], outcome.alpha, unit)
    return replace(estimate, confidence=outcome.estimate.confidence)


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
