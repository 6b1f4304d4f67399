"""A measurement that grows until a planned look decides: shared by pairs of blocks and single calls.

Units (pairs, or calls) come in; those the machine disturbed are set aside; at each planned look the units so far give
an estimate, and the estimate a verdict.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from pytest_cpuperf.clock import now
from pytest_cpuperf.measure.looks import PlannedLook
from pytest_cpuperf.results.evidence import Disturbance, Evidence
from pytest_cpuperf.results.remarks import Remark
from pytest_cpuperf.results.remarks.measuring import DecidedDisturbed, PassedDisturbed, SetAside, TooClose
from pytest_cpuperf.results.verdicts import Estimate, Verdict

# With more than this share set aside, what is left is too small a part of the truth to judge by.
MOST_SET_ASIDE = 0.75
# With more than this share set aside, a verdict that is not clear says so.
_MUCH_SET_ASIDE = 0.25

Unit = TypeVar("Unit")
Progress = Callable[[int, "Estimate | None", float], None]
"""Takes the units so far, the estimate where there is one, and the seconds left."""


@dataclass(frozen=True)
class Patience:
    """How long a measurement may take, and how sure it must be."""

    max_seconds: float = 20.0
    confidence: float = 0.95
    progress: Progress | None = None
    """Called between blocks with how far the measurement is."""

    @property
    def alpha(self) -> float:
        """The error allowed, two-sided."""
        return 1 - self.confidence

    def report(self, count: int, estimate: Estimate | None, deadline: float) -> None:
        """Report to whoever watches."""
        if self.progress is not None:
            self.progress(count, estimate, max(0.0, deadline - now()))


class Goal(ABC, Generic[Unit]):
    """What is estimated from units, and what it is held against."""

    groups: bool = False
    """Whether units come in groups that are set aside whole."""
    disturbance_only_slows: bool = False
    """Whether a disturbance can only make units worse, so that a pass of all of them is safe."""

    @abstractmethod
    def fewest(self, alpha: float) -> int:
        """Return how many units give an interval at a level."""

    @abstractmethod
    def estimate(self, units: Sequence[Unit], alpha: float) -> Estimate | None:
        """Return the estimate from units, at level 1 - alpha; None where they show themselves that they are too few."""

    @abstractmethod
    def judge(self, estimate: Estimate) -> Verdict:
        """Return the verdict: `NO_BUDGET` where there is nothing to hold the estimate against."""

    @abstractmethod
    def is_clear(self, estimate: Estimate, units: Sequence[Unit], alpha: float) -> bool:
        """Return whether an estimate without a budget is narrow enough."""

    def is_plain(self, measured: Sequence[Unit]) -> bool:
        """Return whether units show something so far from the budget that no disturbance explains it."""
        return False

    def contradiction(self, verdict: Verdict, measured: Sequence[Unit], clean: Sequence[Unit]) -> Remark | None:
        """Return what contradicts a verdict on the clean units; None where nothing does."""
        return None


class SequentialRun(Generic[Unit]):
    """The units so far, and what the planned looks said of them."""

    def __init__(self, goal: Goal[Unit], looks: tuple[PlannedLook, ...], confidence: float) -> None:
        self.goal = goal
        self.confidence = confidence
        """Of all looks together: what is said of the estimate, whenever the measurement stops."""
        self.looks = looks
        self.measured: list[Unit] = []
        """All units, in order."""
        self.clean: list[Unit] = []
        """Units that were not disturbed."""
        self.evidence: list[Evidence] = []
        """Of all that was added, in order."""
        self.estimate: Estimate | None = None
        self.verdict: Verdict | None = None
        """None until a look decides."""
        self.alpha: float = 1 - confidence
        """The level of the look that the estimate is from."""
        self._contradiction: Remark | None = None
        """What kept the last look from deciding."""
        self._plain = False
        """Whether disturbed units decided, as what they show is plain all the same."""
        self._looks_taken = 0

    def add(self, units: Sequence[Unit], evidence: Evidence) -> None:
        """Add units that were measured together, and take the look that is due."""
        self.evidence.append(evidence)
        self.measured += units
        if evidence.disturbance is not None:
            self._see_what_is_plain()
            return
        self.clean += units
        while self.verdict is None and self._looks_taken < len(self.looks):
            look = self.looks[self._looks_taken]
            if len(self.clean) < look.count:
                break
            self._take_look(look.alpha)

    def _see_what_is_plain(self) -> None:
        """Decide by all units, where most are disturbed and what they show is too far away to be explained by that."""
        if self.verdict is None and len(self.clean) < len(self.measured) / 2 and self.goal.is_plain(self.measured):
            self.estimate = self._estimate(self.measured, self.alpha)
            if self.estimate is not None:
                self.verdict = self.goal.judge(self.estimate)
                self._plain = True

    def _take_look(self, alpha: float) -> None:
        """Estimate from the clean units, and decide if they are clear or this was the last look."""
        self._looks_taken += 1
        last = self._looks_taken == len(self.looks)
        self.alpha = alpha
        self.estimate = self._estimate(self.clean, alpha)
        if self.estimate is None:
            self.verdict = Verdict.INCONCLUSIVE if last else None
            return
        verdict = self.goal.judge(self.estimate)
        self._contradiction = self.goal.contradiction(verdict, self.measured, self.clean)
        if self._contradiction is not None:
            verdict = Verdict.INCONCLUSIVE
        if verdict is Verdict.NO_BUDGET:
            if last or self.goal.is_clear(self.estimate, self.clean, alpha):
                self.verdict = verdict
        elif verdict is not Verdict.INCONCLUSIVE or last:
            self.verdict = verdict

    def conclude(self, too_few: Callable[[], Remark]) -> tuple[Verdict, Remark | None]:
        """Return the verdict and its reason, now that no more units come. `too_few` says why there are too few."""
        aside = self._set_aside()
        if self._plain and self.verdict is not None and aside is not None:
            return self.verdict, DecidedDisturbed(aside)
        too_many = aside is not None and aside.count > MOST_SET_ASIDE * aside.measured
        # Time is over between two looks: what error the looks not taken would have spent goes to this one.
        alpha = self.looks[self._looks_taken].left if self._looks_taken < len(self.looks) else 0.0
        undecided = self.verdict is None and bool(self.looks)
        due = undecided and alpha > 0 and len(self.clean) >= self.goal.fewest(alpha)
        if aside and (too_many or (undecided and not due)) and self._passes_disturbed(alpha):
            return Verdict.PASS, PassedDisturbed(aside)
        if due:
            self._looks_taken = len(self.looks) - 1
            self._take_look(alpha)
        if self.verdict is None or too_many:
            return Verdict.INCONCLUSIVE, aside or too_few()
        if self.verdict is Verdict.INCONCLUSIVE:
            much = aside if aside and aside.count > _MUCH_SET_ASIDE * aside.measured else None
            if self.estimate is None:
                return self.verdict, much or too_few()
            if self._contradiction is not None:
                return self.verdict, self._contradiction
            return self.verdict, TooClose(self.estimate.smallest_difference, much)
        return self.verdict, None

    def _passes_disturbed(self, alpha: float) -> bool:
        """Return whether all units pass, those set aside too; the estimate is then theirs."""
        if not self.goal.disturbance_only_slows or self.verdict not in (None, Verdict.PASS) or not self.looks:
            return False
        if self.verdict is Verdict.PASS and self.estimate is not None:
            # The clean units pass at this level; that the others must pass too adds no error.
            alpha = self.alpha
        if alpha <= 0 or len(self.measured) < self.goal.fewest(alpha):
            return False
        estimate = self._estimate(self.measured, alpha)
        if estimate is None or self.goal.judge(estimate) is not Verdict.PASS:
            return False
        self.estimate, self.alpha = estimate, alpha
        return True

    def _estimate(self, units: Sequence[Unit], alpha: float) -> Estimate | None:
        """Return the estimate at the level of one look, which is said to hold with the confidence of all of them."""
        estimate = self.goal.estimate(units, alpha)
        return None if estimate is None else replace(estimate, confidence=self.confidence)

    def _set_aside(self) -> SetAside | None:
        disturbances = [e.disturbance for e in self.evidence if e.disturbance is not None]
        return set_aside(disturbances, len(self.evidence), self.goal.groups)


def set_aside(disturbances: Sequence[Disturbance], measured: int, groups: bool = False) -> SetAside | None:
    """Return what is to be said of so many that were set aside; None where none was."""
    return SetAside(len(disturbances), measured, groups, _worst(disturbances)) if disturbances else None


def _worst(disturbances: Sequence[Disturbance]) -> Disturbance:
    """Return the largest of the most common kind."""
    kind, _ = Counter(d.kind for d in disturbances).most_common(1)[0]
    return max((d for d in disturbances if d.kind is kind), key=lambda d: (d.share, d.times))
