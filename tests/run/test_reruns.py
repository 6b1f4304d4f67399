"""A test that is run again (pytest-rerunfailures) has the record of its last attempt."""

import json
import os
import sys

import pytest

pytest.importorskip("pytest_rerunfailures")

# Too slow at first, fast enough at last.
TEST = """
import time, pathlib, pytest

def attempt():
    file = pathlib.Path("attempts")
    count = len(file.read_text()) if file.exists() else 0
    file.write_text("x" * (count + 1))
    return count

def test_gets_faster(cpuperf):
    pause = 0.02 if attempt() == 0 else 0.002
    cpuperf.throughput(lambda: time.sleep(pause), items=1, at_least=100, max_seconds=2)

def test_steady(cpuperf):
    cpuperf.throughput(lambda: time.sleep(0.002), items=1, max_seconds=2)
"""


def records_of(pytester, file="out.json"):
    return {t["id"].partition("::")[2]: t for t in json.loads((pytester.path / file).read_text())["tests"]}


@pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["here", "xdist"])
def test_the_last_attempt_is_what_counts(project, workers):
    pytester = project(test_it=TEST)
    kept = () if workers else ("--cpuperf-save=kept.json",)
    result = pytester.runpytest_subprocess("--cpuperf", "--reruns=2", "--cpuperf-json=out.json", *kept, *workers)
    result.stdout.fnmatch_lines(["*2 passed, 1 rerun*"])
    result.stdout.no_fnmatch_line("*is lost*")
    for file in ("out.json", *(["kept.json"] if kept else [])):
        test = records_of(pytester, file)["test_gets_faster"]
        assert test["outcome"] == "passed"
        (measurement,) = test["measurements"]
        assert measurement["verdict"] == "pass"
        assert test["placement"]["pinned"]
        assert test["placement"]["strays"] == []
    assert len(records_of(pytester)) == 2


def test_a_test_that_never_passes_has_one_record_of_its_last_attempt(project):
    pytester = project(test_it=TEST.replace("at_least=100", "at_least=100_000"))
    result = pytester.runpytest_subprocess("--cpuperf", "--reruns=1", "--cpuperf-json=out.json")
    result.stdout.fnmatch_lines(["1 of 1 budgets is lost*", "*1 failed, 1 passed, 1 rerun*"])
    test = records_of(pytester)["test_gets_faster"]
    assert test["outcome"] == "failed"
    (measurement,) = test["measurements"]
    assert measurement["estimate"]["point"] > 200, "the second attempt was the fast one"


def test_nothing_of_an_earlier_attempt_is_left(project):
    pytester = project(
        test_it="""
        import time, pytest
        attempts = []

        @pytest.fixture
        def machine():
            attempts.append(1)
            if len(attempts) == 2:
                pytest.skip("gone")

        def test_it(machine, cpuperf):
            cpuperf.throughput(lambda: time.sleep(0.002), items=1, at_least=1e6, max_seconds=1)
        """
    )
    result = pytester.runpytest_subprocess("--cpuperf", "--reruns=1", "--cpuperf-json=out.json")
    result.stdout.fnmatch_lines(["*1 skipped, 1 rerun*"])
    test = records_of(pytester, "out.json")["test_it"]
    assert (test["outcome"], test["measurements"]) == ("skipped", [])


def test_an_earlier_attempt_leaves_no_thread_in_the_placement(project):
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs Linux and 2 CPUs")
    pytester = project(
        test_it="""
        import os, threading, pytest
        ALL = os.sched_getaffinity(0)
        attempts = []

        @pytest.fixture
        def machine():
            attempts.append(1)
            if len(attempts) == 2:
                pytest.skip("gone")

        @pytest.mark.cpuperf(cores=1)
        def test_it(machine):
            def leave():
                os.sched_setaffinity(0, ALL)
                started.set()
                threading.Event().wait()
            started = threading.Event()
            threading.Thread(target=leave, daemon=True).start()
            started.wait()
            assert False
        """
    )
    result = pytester.runpytest_subprocess("--cpuperf", "--reruns=1", "--cpuperf-json=out.json")
    result.stdout.fnmatch_lines(["*1 skipped, 1 rerun*"])
    assert records_of(pytester)["test_it"]["placement"]["strays"] == []


def test_two_measurements_of_one_label_are_no_rerun(project):
    pytester = project(
        test_it="""
        def test_it(cpuperf):
            for size in (100, 200):
                cpuperf.throughput(lambda: sum(range(size)), items=1, max_seconds=1)
        """
    )
    pytester.runpytest_subprocess(
        *("--cpuperf", "--reruns=1", "--cpuperf-json=out.json", "--cpuperf-inconclusive=warn")
    ).assert_outcomes(passed=1, warnings=None)
    assert [m["label"] for m in records_of(pytester)["test_it"]["measurements"]] == ["throughput", "throughput"]


# What pytest-retry does: it runs the test again within the call's report, and changes that report's outcome.
RETRIES = """
import pytest

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when != "call" or not report.failed:
        return report
    item.ihook.pytest_runtest_teardown(item=item, nextitem=None)
    item._initrequest()
    item.ihook.pytest_runtest_setup(item=item)
    again = pytest.CallInfo.from_call(lambda: item.ihook.pytest_runtest_call(item=item), when="call")
    report.outcome = "failed" if again.excinfo else "passed"
    return report
"""


@pytest.mark.parametrize(("at_least", "outcome"), [(100, "passed"), (100_000, "failed")])
def test_a_plugin_that_runs_a_test_again_within_its_report_leaves_one_record(project, at_least, outcome):
    pytester = project(test_it=TEST.replace("at_least=100", f"at_least={at_least}"), conftest=RETRIES)
    pytester.runpytest_subprocess("--cpuperf", "--no-cpuperf-static", "--cpuperf-json=out.json")
    test = records_of(pytester)["test_gets_faster"]
    assert test["outcome"] == outcome
    (measurement,) = test["measurements"]
    assert measurement["estimate"]["point"] > 200, "the second attempt was the fast one"
