"""What a CI job sees of `pytest --cpuperf`: exit codes, JUnit, GitHub's summary and annotations, the HTML report."""

import os
import xml.etree.ElementTree as ElementTree

import pytest

TESTS = """
    import time

    def spin():
        end = time.perf_counter() + 0.002
        while time.perf_counter() < end:
            pass

    def test_held(cpuperf):
        cpuperf.throughput(spin, items=1, at_least=1, label="enc|oder", max_seconds=3)

    def test_lost(cpuperf):
        cpuperf.throughput(spin, items=1, at_least=1e6, max_seconds=3)
"""
GUARDED = "import torch\ndef handle(model, x):\n    with torch.no_grad():\n        return model(x).tolist()\n"


def test_every_measurement_is_a_property_in_junit_once(project):
    pytester = project(test_it=TESTS)
    result = pytester.runpytest_subprocess("--cpuperf", "--junitxml=junit.xml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    cases = ElementTree.parse(pytester.path / "junit.xml").getroot().iter("testcase")
    told = {c.get("name"): [(p.get("name"), p.get("value")) for p in c.iter("property")] for c in cases}
    assert [name for name, _ in told["test_held"]] == ["cpuperf enc|oder"]
    assert told["test_held"][0][1].startswith("pass: ")
    assert told["test_held"][0][1].endswith("≥ 1 (budget)")
    assert [name for name, _ in told["test_lost"]] == ["cpuperf throughput"]
    assert told["test_lost"][0][1].startswith("fail: ")


def test_github_gets_a_table_and_annotations_at_their_lines(project, monkeypatch):
    pytester = project(test_it=TESTS, handler=GUARDED)
    summary = pytester.path / "summary.md"
    summary.write_text("an earlier step\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    result = pytester.runpytest_subprocess("--cpuperf")
    lines = summary.read_text().splitlines()
    assert lines[0] == "an earlier step"
    assert lines[1] == "### cpuperf: 1 of 2 budgets is lost, 1 static finding"
    rows = [line for line in lines if line.startswith("| ")]
    assert rows[0] == "| verdict | test | measured | CPUs |"
    assert rows[1].startswith("| ❌ lost | `test_it.py::test_lost` | throughput: ")
    assert "enc\\|oder" in rows[2], "what a user named cannot break the table"
    assert "- `handler.py:3` CPU101 no-grad-inference:" in lines[-1]
    result.stdout.fnmatch_lines(
        [
            "::error file=test_it.py,line=12,col=1,title=cpuperf budget::test_lost: throughput: *",
            "::warning file=handler.py,line=3,col=10,title=CPU101 no-grad-inference::*",
        ]
    )


def test_elsewhere_there_are_no_annotations(project, monkeypatch):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    result = project(test_it=TESTS).runpytest_subprocess("--cpuperf")
    result.stdout.no_fnmatch_line("::error*")


def test_the_report_is_written_where_asked_and_an_interrupted_run_writes_none(project):
    pytest.importorskip("jinja2")
    pytester = project(test_it=TESTS)
    result = pytester.runpytest_subprocess("--cpuperf", "--cpuperf-html=out/report.html")
    result.stdout.fnmatch_lines([f"report: {pytester.path / 'out' / 'report.html'}"])
    text = (pytester.path / "out" / "report.html").read_text()
    assert "1 of 2 budgets is lost" in text
    assert str(pytester.path) not in text, "paths in it are the project's own"
    stopped = project(test_stop="def test_stop():\n    raise KeyboardInterrupt\n")
    result = stopped.runpytest_subprocess("--cpuperf", "--cpuperf-html=none.html", "test_stop.py")
    result.stdout.fnmatch_lines(["*none.html was not written: the run was interrupted"])
    assert not (pytester.path / "none.html").exists()


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no symbolic links")
@pytest.mark.parametrize("option", ["--cpuperf-json", "--cpuperf-html", "summary"])
def test_nothing_is_written_through_a_symbolic_link(project, monkeypatch, option):
    pytest.importorskip("jinja2")
    pytester = project(test_it="def test_it(): pass\n")
    (pytester.path / "secret").write_text("untouched")
    (pytester.path / "link").symlink_to(pytester.path / "secret")
    arguments = [] if option == "summary" else [f"{option}=link"]
    if option == "summary":
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(pytester.path / "link"))
    result = pytester.runpytest_subprocess("--cpuperf", *arguments)
    assert (pytester.path / "secret").read_text() == "untouched"
    result.stdout.fnmatch_lines(["*link is a symbolic link, which is not written through*"])
