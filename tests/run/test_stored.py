"""Runs stored under a name, and later ones held against them."""

import copy
import json
import subprocess
import sys
import time

import pytest

from pytest_cpuperf.system.locks import alone_in
from tests.helpers.processes import within

WORK = """
import hashlib

DATA = bytes(1 << 16)

def work(times):
    for _ in range(times):
        hashlib.sha256(DATA).digest()
"""


CACHE = '[tool.cpuperf]\ncache-dir = "cache"\n'
IT = """
from work import work
def test_it(cpuperf):
    cpuperf.throughput(lambda: work({times}), items=20, at_least={at_least}, max_seconds=4)
"""


@pytest.fixture(scope="module")
def main(tmp_path_factory):
    """Store a run once; returns what pytest printed, and the document."""
    folder = tmp_path_factory.mktemp("main")
    for name, text in (
        ("work.py", WORK),
        ("test_it.py", IT.format(times=20, at_least=None)),
        ("pyproject.toml", CACHE),
    ):
        (folder / name).write_text(text)
    command = [sys.executable, "-m", "pytest", "--cpuperf", "--no-cpuperf-static", "--cpuperf-save=main"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    return done.stdout, json.loads(stored(folder).read_text())


@pytest.fixture
def run(project):
    """Run a tiny project whose function does some work; returns pytest's result and the project's folder."""

    def go(times, *options, at_least="None", main=None):
        pytester = project(work=WORK, test_it=IT.format(times=times, at_least=at_least))
        (pytester.path / "pyproject.toml").write_text(CACHE)
        if main is not None:
            (pytester.path / "main.json").write_text(json.dumps(main))
        pytester.syspathinsert()
        return pytester.runpytest_subprocess("--cpuperf", "--no-cpuperf-static", *options), pytester.path

    return go


def said(result):
    """Return what pytest printed, with lines that were broken made whole."""
    return " ".join(result.stdout.str().replace("\xa0", " ").split())


def stored(folder, name="main"):
    (file,) = folder.glob(f"cache/runs/*/{name}.json")
    return file


def test_a_run_is_stored_with_the_figures_of_fresh_processes(main):
    printed, document = main
    assert "main.json" in next(line for line in printed.splitlines() if line.startswith("stored: "))
    (test,) = document["tests"]
    (record,) = test["measurements"]
    assert len(record["processes"]) >= 3
    assert all(0.2 < p["speed"] / record["relative"]["point"] < 5 for p in record["processes"])


def test_a_function_that_stays_as_fast_passes_and_one_that_does_twice_the_work_fails(run, main):
    result, _ = run(20, at_least='"80% of main.json"', main=main[1])
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["pass  test_it.py::test_it", "*throughput: *× of main.json [[]*] ≥ 0.8× (budget)"])
    assert "fresh processes against" in said(result)
    result, _ = run(40, "--cpuperf-compare=main.json")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*throughput: 0.*× of main.json [[]0.*] < 0.95× (budget)*"])


def test_a_test_that_refuses_a_second_process_is_one_process_against_one_and_that_is_said(run, project):
    project(
        conftest="""
        import os, pathlib, pytest
        if pathlib.Path("started").exists():
            raise RuntimeError("this service runs once")
        pathlib.Path("started").touch()
        """
    )
    result, folder = run(20, "--cpuperf-save=main")
    result.assert_outcomes(passed=1)
    assert "no fresh process could be measured" in said(result)
    assert "this service runs once" in said(result)
    (test,) = json.loads(stored(folder).read_text())["tests"]
    assert test["measurements"][0]["processes"] == []
    (folder / "started").unlink()
    result, _ = run(20, at_least='"70% of main"')
    result.assert_outcomes(passed=1)
    assert "one process against one, which differ by 2.5% each" in said(result)
    (folder / "started").unlink()
    result, _ = run(60, at_least='"70% of main"')
    result.assert_outcomes(failed=1)


def test_a_worker_starts_fresh_processes_too(run):
    _, folder = run(20, "--cpuperf-save=main", "-n1")
    (test,) = json.loads(stored(folder).read_text())["tests"]
    assert len(test["measurements"][0]["processes"]) >= 3


def test_nothing_stored_is_said_with_how_to_store_it(run):
    result, _ = run(20, at_least='"90% of main"')
    result.assert_outcomes(skipped=1)
    assert "nothing to hold it against: there is no stored run 'main'; pytest --cpuperf --cpuperf-save main" in said(
        result
    )
    result, _ = run(20, "--cpuperf-compare=main")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: cpuperf: there is no stored run 'main': expected *main.json"])


def test_a_test_that_is_new_is_measured_and_not_held_against_anything(run, project, main):
    project(
        test_new="def test_new(cpuperf):\n    cpuperf.throughput(lambda: sum(range(9999)), items=1, max_seconds=5)\n"
    )
    result, _ = run(20, "--cpuperf-compare=main.json", "--cpuperf-inconclusive=warn", "-k", "new", main=main[1])
    result.assert_outcomes(passed=1, deselected=1, warnings=None)
    assert "the stored run 'main.json' has no 'throughput' of this test" in said(result)


def test_a_run_of_some_tests_keeps_what_was_stored_of_the_others(run, main):
    document = copy.deepcopy(main[1])
    document["tests"][0]["id"] = "test_other.py::test_other"
    _, folder = run(20, "--cpuperf-save=main.json", main=document)
    ids = [t["id"] for t in json.loads((folder / "main.json").read_text())["tests"]]
    assert sorted(ids) == ["test_it.py::test_it", "test_other.py::test_other"]


@pytest.mark.skipif(sys.platform == "win32", reason="locks nothing there")
def test_two_runs_that_store_under_one_name_at_once_keep_the_tests_of_both(project, main):
    other = copy.deepcopy(main[1])
    other["tests"][0]["id"] = "test_other.py::test_other"
    folder = project(
        conftest="""
        import pathlib, pytest, sys
        FRESH = sys.modules["__main__"].__spec__.name.endswith("child")
        @pytest.hookimpl(tryfirst=True)
        def pytest_sessionfinish():
            if not FRESH:  # fresh processes end before this one does
                pathlib.Path("ends").touch()
        """,
        test_it="def test_it(cpuperf): cpuperf.throughput(lambda: sum(range(999)), items=1, max_seconds=0.5)",
    ).path
    with alone_in(folder):
        command = [sys.executable, "-m", "pytest", "--cpuperf", "--no-cpuperf-static", "--cpuperf-save=main.json"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        assert within(60, (folder / "ends").exists)
        time.sleep(2)  # were it not kept out, it would have stored by now
        (folder / "main.json").write_text(json.dumps(other))
    process.wait()
    ids = [t["id"] for t in json.loads((folder / "main.json").read_text())["tests"]]
    assert sorted(ids) == ["test_it.py::test_it", "test_other.py::test_other"]


def test_another_machines_items_per_second_are_refused_and_that_is_said(run, main):
    document = copy.deepcopy(main[1])
    document["machine"]["instruction_set"] = ["avx1024"]
    result, _ = run(20, "--cpuperf-inconclusive=warn", at_least='"50% of main.json"', main=document)
    result.assert_outcomes(passed=1, warnings=None)
    told = "main.json was made on another instruction set: only the speed relative to the machine is compared"
    assert told in said(result)


def test_a_test_on_fewer_cpus_than_there_are_is_on_the_same_machine(project):
    """A pinned process may use less than the machine has, which says nothing of the machine."""
    pytester = project(
        test_it="""
        import pytest, time
        @pytest.mark.cpuperf(cores=1)
        def test_it(cpuperf):
            cpuperf.throughput(lambda: time.sleep(0.002), items=1, max_seconds=2)
        """
    )
    pytester.runpytest_subprocess("--cpuperf", "--cpuperf-save=main.json").assert_outcomes(passed=1)
    options = ("--cpuperf-compare=main.json", "--cpuperf-json=out.json", "--cpuperf-inconclusive=warn")
    result = pytester.runpytest_subprocess("--cpuperf", *options)
    assert "was made on another" not in said(result)
    (test,) = json.loads((pytester.path / "out.json").read_text())["tests"]
    assert test["measurements"][0]["budget"]["unit"] == "× of main.json"


def test_a_share_of_what_was_measured_against_another_kernel_is_inconclusive(run, main):
    document = copy.deepcopy(main[1])
    (record,) = document["tests"][0]["measurements"]
    for figure in (record, *record["processes"]):
        figure["reference"] = "something else"
    result, _ = run(20, at_least='"50% of main.json"', main=document)
    result.assert_outcomes(skipped=1)
    assert "it was measured against another kernel (something else; here" in said(result)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is damaged: it is not JSON"),
        ("[]", "is not a stored run: expected schema cpuperf/results/1, found None"),
        ('{"schema": "cpuperf/findings/1"}', "is not a stored run: expected schema cpuperf/results/1"),
        ('{"schema": "cpuperf/results/2"}', "is from a newer cpuperf (cpuperf/results/2; this one reads"),
        ('{"schema": "cpuperf/results/1", "machine": {}, "tests": [{}]}', "is damaged: version is missing"),
        (
            '{"schema": "cpuperf/results/1", "version": "1", "machine": {"fingerprint": 7, "cpus": []}}',
            "is damaged: machine.fingerprint takes text, found 7",
        ),
    ],
)
def test_a_file_that_is_no_stored_run_is_one_line(run, tmp_path, text, said):
    file = tmp_path / "run.json"
    file.write_text(text)
    result, _ = run(20, f"--cpuperf-compare={file}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert said in result.stderr.str()
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


@pytest.mark.parametrize("name", ["a/b", "peak", "-x y"])
def test_names_are_checked_before_anything_runs(run, name):
    result, _ = run(20, f"--cpuperf-save={name}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: cpuperf: a stored run's name has letters*"])


@pytest.mark.parametrize("budget", ["'fast'", "'90%'", "'0% of main'", "'90% main'", "-1", "True", "'nan% of main'"])
def test_budgets_that_say_nothing_are_one_line(run, budget):
    result, _ = run(20, at_least=budget)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *UsageError: at_least takes a number above 0, '90% of NAME' or '40% of peak'*"])


@pytest.mark.parametrize(
    ("happens", "told"),
    [
        ("sys.exit(3)", "at a fresh process the function raised SystemExit: 3"),
        ("time.sleep(1)", "no fresh process could be measured (a block of"),
    ],
)
def test_what_a_function_does_in_fresh_processes_alone_is_told(project, happens, told):
    pytester = project(
        test_it=f"""
        import hashlib, sys, time
        DATA, calls = bytes(1 << 20), 0
        FRESH = sys.modules["__main__"].__spec__.name.endswith("child")

        def work():
            global calls
            calls += 1
            if FRESH and calls > 60:
                {happens}
            hashlib.sha256(DATA).digest()

        def test_it(cpuperf):
            cpuperf.throughput(work, items=1, max_seconds=2)
        """
    )
    result = pytester.runpytest_subprocess("--cpuperf", "--no-cpuperf-static", "--cpuperf-save=main.json")
    result.assert_outcomes(passed=1)
    assert told in said(result)


def test_tests_that_take_long_to_import_tell_what_storing_them_will_cost(project):
    pytester = project(
        test_it="""
        import time, pytest
        time.sleep(2)

        @pytest.mark.parametrize("n", range(8))
        def test_speed(cpuperf, n):
            cpuperf.throughput(lambda: None, items=1)
        """
    )
    (pytester.path / "pyproject.toml").write_text(CACHE)
    options = ("--cpuperf", "--no-cpuperf-static", "--collect-only", "--cpuperf-save=main")
    told = "cpuperf: 8 tests are stored with 6 fresh processes for each throughput; importing took * s here, so *"
    pytester.runpytest_subprocess(*options).stdout.fnmatch_lines([told])
    pytester.runpytest_subprocess(*options, "-k", "0").stdout.no_fnmatch_line("*fresh processes*")
