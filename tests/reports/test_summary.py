"""The summary at the end of a run, at 80 columns."""

from dataclasses import replace

from pytest_cpuperf.reports.summary import summary_lines
from pytest_cpuperf.results.findings import CheckResult
from tests.helpers.runs import FINDING, run_result


def lines(*verdicts, verbose=False, findings=()):
    tests = tuple(
        run_result(name=f"tests/test_speed.py::test_encode_{n}", verdict=verdict, reason="why it is so").tests[0]
        for n, verdict in enumerate(verdicts)
    )
    run = replace(run_result(), tests=tests, static=CheckResult(9, tuple(findings)))
    return [text for text, _ in summary_lines(run, 80, verbose)]


def test_the_first_line_says_how_it_went_and_what_failed_comes_next():
    told = lines("pass", "fail", "inconclusive")
    assert told[0] == "1 of 3 budgets is lost, 1 could not be decided, no static findings in 9 files"
    assert told[2] == "FAIL  tests/test_speed.py::test_encode_1"
    assert told[4] == "      why it is so"
    assert [line[:5].strip() for line in told if "::test_encode" in line] == ["FAIL", "?", "pass"]


def test_a_large_run_fits_a_screen_and_v_tells_all():
    verdicts = ["pass"] * 60 + ["fail"] * 2
    told = lines(*verdicts)
    assert len(told) <= 40
    assert max(map(len, told)) <= 80
    assert any(line.startswith("pass  100.0 texts/s [97.0, 103.0] ≥ 90 ") and "test_encode_0" in line for line in told)
    assert any(line.endswith("more; -v shows them") for line in told)
    whole = lines(*verdicts, verbose=True)
    assert sum("::test_encode" in line for line in whole) == 62


def test_many_that_failed_do_not_fill_more_than_a_screen_either():
    told = lines(*["inconclusive"] * 50)
    assert len(told) <= 40
    assert told[2] == "?     tests/test_speed.py::test_encode_0"


def test_findings_are_told_by_rule():
    finding = replace(FINDING, rule="CPU101", name="no-grad-inference", line=3)
    found = [*(replace(finding, line=n) for n in range(5)), replace(finding, rule="CPU099")]
    told = lines("pass", findings=found)
    assert "CPU099 no-grad-inference: service/handler.py:3" in told
    assert " ".join(told).endswith("service/handler.py:2 and 2 more")
