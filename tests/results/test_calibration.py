"""What a calibration says of a machine: which budgets it supports, how sure counts are, and what it warns of."""

import dataclasses
import json

import pytest
from scipy import stats

from pytest_cpuperf.results.calibration import (
    Calibration,
    GateRow,
    Verdicts,
    calibration_document,
    calibration_path,
    counted,
    read_calibration,
    upper_bound,
)
from pytest_cpuperf.results.measurements import ComparisonMeasurement, LatencyMeasurement, ThroughputMeasurement
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Budget, Verdict
from tests.helpers.runs import MACHINE

ALL_PASS, ALL_FAIL = Verdicts(20, 0, 0, 1.0), Verdicts(0, 20, 0, 2.0)


def row(slower_by, same=ALL_PASS, slower=ALL_FAIL, gate="compare"):
    return GateRow(gate, slower_by, 1 - slower_by / 2, same, slower)


def calibration(*rows):
    return Calibration(MACHINE, "default", 0.001, 20, 20.0, rows)


@pytest.mark.parametrize(("count", "of"), [(0, 10), (0, 300), (1, 20), (3, 7), (299, 300)])
def test_the_upper_bound_is_that_of_clopper_and_pearson(count, of):
    assert upper_bound(count, of) == pytest.approx(stats.beta.ppf(0.95, count + 1, of - count), abs=1e-9)


def test_all_of_all_bounds_nothing():
    assert upper_bound(4, 4) == 1


@pytest.mark.parametrize(
    ("same", "slower", "supported"),
    [
        (ALL_PASS, ALL_FAIL, True),
        (Verdicts(18, 0, 2), Verdicts(0, 18, 2), True),
        (Verdicts(17, 0, 3), ALL_FAIL, False),
        (ALL_PASS, Verdicts(0, 17, 3), False),
        (Verdicts(19, 1, 0), ALL_FAIL, False),
        (ALL_PASS, Verdicts(1, 19, 0), False),
        (Verdicts(), Verdicts(), False),
    ],
)
def test_a_budget_is_supported_where_nothing_is_wrong_and_nine_of_ten_are_clear(same, slower, supported):
    assert row(0.05, same, slower).supported is supported


def test_the_finest_supported_budget_counts_and_each_gate_has_its_own():
    found = calibration(
        row(0.03, same=Verdicts(10, 0, 10)), row(0.05), row(0.1), row(0.03, slower=Verdicts(20, 0, 0), gate="stored")
    )
    assert found.finest("compare") == 0.975
    assert [r.slower_by for r in found.supported("compare")] == [0.05, 0.1]
    assert found.finest("stored") is None
    assert found.finest("against") is None


def record(at_least, kind=ComparisonMeasurement, **more):
    budget = None if at_least is None else Budget(at_least, Unit("×"))
    return kind(label="it", verdict=Verdict.PASS, estimate=None, budget=budget, **more)


def test_a_budget_finer_than_the_machine_supports_is_warned_of():
    found = calibration(row(0.03, same=Verdicts(10, 0, 10)), row(0.05), row(0.1))
    assert found.remark(record(0.99)).finest == 0.975
    assert found.remark(record(1.0)).finest == 0.975
    for fine in (record(0.975), record(0.9), record(1.5), record(None), record(0.99, LatencyMeasurement)):
        assert found.remark(fine) is None
    stored = calibration(row(0.05, slower=Verdicts(20, 0, 0), gate="stored"))
    assert stored.remark(record(0.98, ThroughputMeasurement, baseline="main")).finest is None
    assert stored.remark(record(0.98, ThroughputMeasurement)) is None, "items per second are no share"
    assert stored.remark(record(0.98)) is None, "that gate was not calibrated"


def test_verdicts_are_counted_with_the_median_of_their_seconds():
    words = (Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.PASS, Verdict.FAIL, Verdict.PASS)
    found = counted(list(zip(words, (3.0, 9.0, 1.0, 2.0, 4.0), strict=True)))
    assert found == Verdicts(3, 1, 1, 3.0)


def test_a_calibration_is_kept_by_machine_and_read_back(tmp_path):
    found = calibration(row(0.05), row(0.1))
    path = calibration_path(tmp_path, MACHINE.fingerprint)
    path.parent.mkdir()
    path.write_text(json.dumps(calibration_document(found)))
    assert read_calibration(path) == found
    assert calibration_path(tmp_path, "other") != path


@pytest.mark.parametrize("text", [None, "{", "[]", "7", "{}", '{"schema": "cpuperf/calibration/1", "machine": 7}'])
def test_what_is_no_calibration_is_none(tmp_path, text):
    path = tmp_path / "it.json"
    if text is not None:
        path.write_text(text)
    assert read_calibration(path) is None


def test_rows_of_no_verdicts_can_be_written(tmp_path):
    found = calibration(dataclasses.replace(row(0.05), same=Verdicts()))
    (tmp_path / "it.json").write_text(json.dumps(calibration_document(found)))
    assert read_calibration(tmp_path / "it.json").rows[0].same.count == 0
