"""How often the gates are wrong on one machine: a function against itself, and against slower versions of itself."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from pytest_cpuperf.results.codec import DecodeError, from_json, to_json
from pytest_cpuperf.results.machine import Machine
from pytest_cpuperf.results.measurements import Measurement, ThroughputMeasurement
from pytest_cpuperf.results.remarks.measuring import FinerThanCalibrated
from pytest_cpuperf.results.verdicts import Verdict

SCHEMA = "cpuperf/calibration/1"
# A budget is supported where so many of the verdicts are clear, and none is wrong.
_MOSTLY = 0.9
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Verdicts:
    """How the verdicts on one version of the function fell."""

    passed: int = 0
    failed: int = 0
    inconclusive: int = 0
    median_seconds: float = math.nan
    """From the start of a measurement to its verdict."""

    @property
    def count(self) -> int:
        """How many there are."""
        return self.passed + self.failed + self.inconclusive


@dataclass(frozen=True)
class GateRow:
    """One budget of one gate: the same function, and one that is slower."""

    gate: str
    """`compare`, `against` or `stored`."""
    slower_by: float
    """How much longer a call of the slower version takes, as a share."""
    at_least: float
    """The budget, as a share of the speed of the other side."""
    same: Verdicts
    slower: Verdicts

    @property
    def wrong(self) -> int:
        """False alarms and misses together."""
        return self.same.failed + self.slower.passed

    @property
    def supported(self) -> bool:
        """Whether this machine can tell so small a loss: no verdict was wrong, and nine of ten were clear."""
        clear = self.same.passed >= _MOSTLY * self.same.count and self.slower.failed >= _MOSTLY * self.slower.count
        return self.wrong == 0 and clear and self.same.count > 0

    @property
    def seconds(self) -> float:
        """How long a verdict takes: the longer of both medians."""
        seconds = [v.median_seconds for v in (self.same, self.slower) if v.count]
        return max(seconds, default=math.nan)


@dataclass(frozen=True)
class Calibration:
    """All gates on one machine."""

    machine: Machine
    function: str
    """What was measured: `module:name`, or `default`."""
    call_seconds: float
    runs: int
    max_seconds: float
    """The most that a measurement might take."""
    rows: tuple[GateRow, ...]
    reasons: tuple[str, ...] = ()
    """Why verdicts were inconclusive, the most common reason first."""

    @property
    def gates(self) -> tuple[str, ...]:
        """The gates, in order."""
        return tuple(dict.fromkeys(row.gate for row in self.rows))

    def supported(self, gate: str) -> tuple[GateRow, ...]:
        """Return the budgets that this machine supports, the finest first."""
        return tuple(sorted((r for r in self.rows if r.gate == gate and r.supported), key=lambda r: r.slower_by))

    def finest(self, gate: str) -> float | None:
        """Return the highest budget that this machine supports; None where it supports none of those tried."""
        found = self.supported(gate)
        return found[0].at_least if found else None

    def remark(self, record: Measurement) -> FinerThanCalibrated | None:
        """Return that a record's budget is finer than this machine supports; None where it is not.

        A budget above the same speed asks for a gain, and may be met by far.
        """
        gate = "stored" if isinstance(record, ThroughputMeasurement) and record.baseline else record.kind
        at_least = record.budget.at_least if record.budget else None
        if gate not in self.gates or at_least is None or at_least > 1:
            return None
        finest = self.finest(gate)
        coarsest = min(row.at_least for row in self.rows if row.gate == gate)
        if at_least <= (coarsest if finest is None else finest):
            return None
        return FinerThanCalibrated(finest)


def upper_bound(count: int, of: int) -> float:
    """Return the share that is exceeded with a probability of 5 % at most, after `count` of `of`.

    Clopper & Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial", Biometrika 26
    (1934), 404-413, one-sided.
    """
    if count >= of:
        return 1.0
    low, high = count / of, 1.0
    for _ in range(60):
        share = (low + high) / 2
        at_most = math.fsum(math.comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(count + 1))
        low, high = (share, high) if at_most > 1 - _CONFIDENCE else (low, share)
    return high


def calibration_document(calibration: Calibration) -> dict[str, Any]:
    """Return a calibration as a `cpuperf/calibration/1` document."""
    return {"schema": SCHEMA, **to_json(calibration)}


def calibration_path(cache: Path, fingerprint: str) -> Path:
    """Return where the calibration of a machine is kept."""
    return cache / "calibration" / f"{fingerprint}.json"


def read_calibration(path: Path) -> Calibration | None:
    """Return a calibration that was kept; None where there is none, or none that can be read."""
    try:
        document = json.loads(path.read_bytes())
        known = isinstance(document, dict) and document.pop("schema", None) == SCHEMA
        return from_json(Calibration, document) if known else None
    except (OSError, ValueError, RecursionError, DecodeError):
        return None


def counted(verdicts: Sequence[tuple[Verdict, float]]) -> Verdicts:
    """Return how verdicts fell; each comes with its seconds."""
    words = [verdict for verdict, _ in verdicts]
    passed, failed, inconclusive = (words.count(v) for v in (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE))
    return Verdicts(passed, failed, inconclusive, median(s for _, s in verdicts) if verdicts else math.nan)
