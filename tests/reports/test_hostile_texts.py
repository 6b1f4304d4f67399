"""Labels, test ids, thread names and variables of other processes, in all that is made of records."""

import re
from dataclasses import replace

import pytest

from pytest_cpuperf.measure.comparison import compare_runs
from pytest_cpuperf.reports.claims import claims_text
from pytest_cpuperf.reports.comparison import comparison_text
from pytest_cpuperf.reports.formats import render_run, run_formats
from pytest_cpuperf.reports.inspection import inspection_text
from pytest_cpuperf.reports.measurement import explain_failure, in_a_line
from pytest_cpuperf.results.claims import Claim, Judgement, Recommendation
from pytest_cpuperf.results.findings import CheckError, CheckResult
from pytest_cpuperf.results.inspection import InspectedProcess, Inspection, ThreadVariable
from pytest_cpuperf.results.remarks import Stated
from tests.helpers.runs import FINDING, PLACEMENT, measurement, run_result

BAD = "x\x1b[31m\x9b2J\0y"
SHOWN = "x␛[31m\ufffd2J␀y"
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
RUN = run_result(2, name=f"t{BAD}.py::t", findings=[replace(FINDING, path=BAD)], label=BAD, reason=BAD, notes=(BAD,))
RUN = replace(
    RUN,
    static=CheckResult(7, RUN.static.findings, errors=(CheckError(BAD, 1, BAD),)),
    tests=tuple(replace(t, placement=replace(PLACEMENT, reason=BAD, strays=(BAD,))) for t in RUN.tests),
)


@pytest.mark.parametrize("suffix", run_formats())
def test_no_format_of_runs_writes_control_characters(suffix):
    if suffix == ".html":
        pytest.importorskip("matplotlib")
        pytest.importorskip("jinja2")
    text = render_run(suffix, RUN, BAD)
    assert not CONTROLS.search(text)
    assert (SHOWN in text.replace("\\", "")) == (suffix != ".json")


def test_a_failure_and_a_line_show_signs():
    record = measurement("fail", BAD, reason=BAD, notes=(BAD,))
    assert SHOWN in explain_failure(record)
    assert not CONTROLS.search(explain_failure(record) + in_a_line(record))


def test_comparisons_and_claims_show_signs():
    other = replace(RUN, machine=replace(RUN.machine, processor=BAD), tests=RUN.tests[:1])
    text = comparison_text(compare_runs(RUN, other), 80)
    assert f"processor: EPYC → {SHOWN}" in text
    assert not CONTROLS.search(text)
    claim = Claim(
        "int8", "2×", Judgement.CONFIRMED, Stated(BAD), measurement(baseline=BAD), (), Recommendation(BAD, f"a\n{BAD}")
    )
    text = claims_text([claim], 80)
    assert f"  a\n  {SHOWN}" in text
    assert not CONTROLS.search(text)


def test_an_inspected_process_shows_signs():
    process = InspectedProcess(
        1, 0, "worker", BAD, (BAD,), {BAD: 2}, 1, (((0,), 1), ((1,), 1)), (0,), (0,), {"OMP_NUM_THREADS": BAD},
        1.0, 1.0, 1.0, 1.0,
    )  # fmt: skip
    problem = ThreadVariable("OMP_NUM_THREADS", BAD, 1, (0,), False)
    report = Inspection((process,), 1, (0,), None, None, 1.0, False, True, (problem,), (BAD,))
    text = inspection_text(report, 80)
    assert f"OMP_NUM_THREADS={SHOWN}" in text
    assert not CONTROLS.search(text)
