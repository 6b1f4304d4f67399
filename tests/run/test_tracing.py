"""Coverage in a run that measures: it sees what tests call in the ordinary way, and is off while blocks are timed."""

import json
import sys

import pytest

pytest.importorskip("coverage")

MODULE = """
import sys

tracers = []

def encode(tracers_seen=tracers):
    tracers_seen.append(sys.gettrace())
    total = 0
    for number in range(99):
        total += number
    return total

def after():
    return "covered"

def never():
    return "not covered"
"""
TEST = """
import sys
import module

def test_encode(cpuperf):
    before = sys.gettrace()
    cpuperf.throughput(module.encode, items=1, max_seconds=1)
    assert sys.gettrace() is before
    assert module.after() == "covered"
    # Called once in the ordinary way, and timed without a tracer.
    assert module.tracers[0] is before
    assert not any(module.tracers[1:])
"""
CORES = ["ctrace", "pytrace"] + (["sysmon"] if sys.version_info >= (3, 12) else [])


@pytest.mark.parametrize("core", CORES)
def test_coverage_is_off_while_blocks_are_timed_and_misses_no_line(project, monkeypatch, core):
    pytester = project(module=MODULE, test_it=TEST)
    monkeypatch.setenv("COVERAGE_CORE", core)
    coverage = (sys.executable, "-m", "coverage")
    result = pytester.run(
        *(*coverage, "run", "--include=module.py,test_it.py", "-m", "pytest"),
        *("--cpuperf", "--no-cpuperf-static", "--cpuperf-json=out.json", "--cpuperf-inconclusive=warn"),
    )
    result.assert_outcomes(passed=1, warnings=None)
    pytester.run(*coverage, "json", "-o", "coverage.json")
    files = json.loads((pytester.path / "coverage.json").read_text())["files"]
    assert files["test_it.py"]["missing_lines"] == []
    assert files["module.py"]["missing_lines"] == [MODULE.splitlines().index('    return "not covered"') + 1]
    (test,) = json.loads((pytester.path / "out.json").read_text())["tests"]
    assert test["measurements"][0]["notes"] == []


def test_threads_that_run_with_a_tracer_are_told_with_the_figure(project):
    pytester = project(
        test_it="""
        from concurrent.futures import ThreadPoolExecutor

        def work():
            return sum(number for number in range(5000))

        def test_pool(cpuperf):
            with ThreadPoolExecutor(1, thread_name_prefix="encoder") as pool:
                cpuperf.throughput(lambda: pool.submit(work).result(), items=1, max_seconds=1)
        """
    )
    result = pytester.run(
        *(sys.executable, "-m", "coverage", "run", "-m", "pytest"),
        *("--cpuperf", "--no-cpuperf-static", "--cpuperf-json=out.json", "--cpuperf-inconclusive=warn"),
    )
    result.assert_outcomes(passed=1, warnings=None)
    result.stdout.fnmatch_lines(["*a tracer is on, and cannot be taken off threads that run already*"])
    (test,) = json.loads((pytester.path / "out.json").read_text())["tests"]
    (note,) = test["measurements"][0]["notes_facts"]
    assert (note["kind"], note["tracer"], note["threads"]) == ("traced", None, ["encoder_0"])
