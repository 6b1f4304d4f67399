"""A results file that version 0.1.0 wrote: it is read, reported and compared as one of today."""

import json
from pathlib import Path

import pytest

from pytest_cpuperf.reports.sentences import sentence
from pytest_cpuperf.results.document import read_results
from pytest_cpuperf.results.measurements import BucketingMeasurement, LatencyMeasurement

FILE = Path(__file__).parent / "files" / "results-0.1.0.json"


@pytest.fixture
def measured():
    return {f"{t.id.partition('::')[2]}": m for t in read_results(FILE).tests for m in t.measurements}


def test_each_measurement_is_of_its_own_kind(measured):
    assert isinstance(measured["test_slow"], LatencyMeasurement)
    assert isinstance(measured["test_bucketing"], BucketingMeasurement)
    assert measured["test_bucketing"].baseline == "padded"
    assert str(measured["test_slow"].budget) == "at most 0.5 s"


def test_sentences_become_facts_or_stay_as_they_were_stated(measured):
    assert measured["test_both"].reason is None
    assert sentence(measured["test_impossible"].reason).startswith("one pair of blocks takes 1.06 s")
    assert [sentence(n) for n in measured["test_rate"].notes] == [
        "its speed changed while it was measured: at the end it was 1.3 times as fast as at first"
    ]


def test_it_makes_the_same_report_and_compares_with_itself(cpuperf_command, tmp_path):
    code, out, err = cpuperf_command("compare", FILE, FILE)
    assert (code, err) == (0, "")
    assert "5 compared: 0 slower, 0 faster, the rest within noise" in out
    again = tmp_path / "again.json"
    for output in (tmp_path / "page.html", tmp_path / "t.md", again):
        assert cpuperf_command("report", FILE, "-o", output)[0] == 0
    assert "1 of 6 budgets is lost" in (tmp_path / "page.html").read_text()
    assert read_results(again).tests[0].measurements == read_results(FILE).tests[0].measurements
    assert json.loads(again.read_text())["schema"] == json.loads(FILE.read_text())["schema"]
