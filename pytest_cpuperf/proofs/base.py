"""What a proof is: one class for each heuristic, with its experiment, its judgement and its recommendation."""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.heuristics import HEURISTICS, Heuristic
from pytest_cpuperf.measure.sequential import Patience
from pytest_cpuperf.registry import missing
from pytest_cpuperf.results.claims import Claim, Judgement, Recommendation
from pytest_cpuperf.results.measurements import Measurement
from pytest_cpuperf.results.remarks import Remark
from pytest_cpuperf.results.remarks.base import Stated
from pytest_cpuperf.results.remarks.claims import PackageMissing


@dataclass(frozen=True)
class Subject:
    """What claims are judged on."""

    model: Any
    """A torch module in eval mode, an onnxruntime session, or what else `module:factory` returned."""
    tokenizer: Any
    texts: Sequence[str]
    patience: Patience
    """How long one proof may take, and how sure it must be."""
    cpus: tuple[int, ...]
    """The CPUs the process is pinned to; empty where it is not."""


@dataclass(frozen=True)
class Finding:
    """What an experiment said of a claim."""

    judgement: Judgement
    reason: Remark | None
    measurement: Measurement | None
    """What the judgement stands on."""
    also: tuple[Measurement, ...] = ()
    """What else was measured, for the record."""


class Proof(ABC):
    """Puts one heuristic to the proof. The class's docstring is its page for `cpuperf explain`.

    A proof is a file, or a folder, in `proofs/`, or a class that another package offers through the entry points
    `pytest_cpuperf.proofs`. One that forgets something fails when it is defined, in one line that names it.
    """

    heuristic: ClassVar[Heuristic]
    """One of `HEURISTICS`, or another package's own. Its name is the proof's: in `--claims`, in results, as the
    fixture's method."""
    packages: ClassVar[dict[str, str]] = {}
    """Packages it needs beside this one, each with the extra that brings it."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        lacks = missing(cls, ("heuristic",))
        if not (cls.__doc__ or "").strip():
            lacks = ", ".join(filter(None, (lacks, "a docstring, which is its page")))
        if cls.judge is Proof.judge:
            lacks = ", ".join(filter(None, (lacks, "`judge`")))
        if lacks:
            raise TypeError(f"the proof {cls.__name__} lacks {lacks}")
        if not isinstance(cls.heuristic, Heuristic):
            raise TypeError(f"the proof {cls.__name__} has a heuristic that is no Heuristic: {cls.heuristic!r}")

    def applies(self, subject: Subject) -> Remark | None:
        """Return why the claim's premise is not met here, found without timing; None where it is met."""
        return None

    @abstractmethod
    def judge(self, subject: Subject) -> Finding:
        """Run the experiment and judge the claim. Raises UsageError for a subject that makes no experiment: then the
        claim cannot be judged, for that reason."""

    def recommend(self, finding: Finding) -> Recommendation | None:
        """Return the setting that follows from what was found; None where nothing follows."""
        return None

    def run(self, subject: Subject) -> Claim:
        """Return the claim, judged; where it cannot be, or does not apply, with the reason."""
        finding = self._found(subject)
        return Claim(
            heuristic=self.heuristic.name,
            promised=self.heuristic.promised,
            judgement=finding.judgement,
            reason=finding.reason,
            measurement=finding.measurement,
            also=finding.also,
            recommendation=self.recommend(finding),
        )

    def _found(self, subject: Subject) -> Finding:
        for package, extra in self.packages.items():
            if importlib.util.find_spec(package) is None:
                return Finding(Judgement.CANNOT_BE_JUDGED, PackageMissing(package, extra), None)
        why_not = self.applies(subject)
        if why_not is not None:
            return Finding(Judgement.DOES_NOT_APPLY, why_not, None)
        try:
            return self.judge(subject)
        except UsageError as error:  # of this claim's experiment; the others may be judged
            return Finding(Judgement.CANNOT_BE_JUDGED, Stated(str(error)), None)


def known_heuristic(name: str) -> Heuristic:
    """Return a heuristic of `HEURISTICS` by name."""
    return HEURISTICS[name]
