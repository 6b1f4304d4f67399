"""`pytest --cpuperf` as a project meets it: tiny projects, one command, what the user sees."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.helpers.signals import hear_signals

linux = pytest.mark.skipif(sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="needs Linux and 2 CPUs")

SPIN = """
    import time
    def spin(milliseconds):
        def work():
            end = time.perf_counter() + milliseconds / 1000
            while time.perf_counter() < end:
                pass
        return work
"""


def test_a_met_budget_passes_and_is_told(project):
    pytester = project(
        test_speed=SPIN
        + """
    def test_rate(cpuperf):
        record = cpuperf.throughput(spin(5), items=10, unit="texts", at_least=500)
        assert record.verdict.value == "pass"
        assert record.estimate.low > 1000
        assert record.relative.pairs == len(record.pairs)
        assert record.evidence.wall_seconds > 0
    """
    )
    result = pytester.runpytest("--cpuperf")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "*= cpuperf: * CPUs (*",
            "1 of 1 budgets holds, no static findings in 1 file",
            "pass  test_speed.py::test_rate",
            "*throughput: * texts/s [[]*] ≥ 500 (budget)*",
            "*pairs, * interval*",
            "1 test on CPU*each thread read back",
        ]
    )


def test_a_lost_budget_fails_with_its_interval(project):
    pytester = project(
        test_speed=SPIN
        + """
    def test_rate(cpuperf):
        cpuperf.compare(spin(10), spin(5), at_least=0.9, label="new over old")
    """
    )
    result = pytester.runpytest("--cpuperf", "--cpuperf-max-seconds=5")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E *BudgetFailed: new over old: 0.[45]*× [[]0.*] < 0.9× (budget)",
            "E * below the budget*",
            "FAIL  test_speed.py::test_rate",
        ]
    )
    assert result.ret == 1


@pytest.mark.parametrize(("what", "outcome"), [("skip", "skipped"), ("fail", "failed"), ("warn", "passed")])
def test_inconclusive_is_what_the_user_chose(project, what, outcome):
    pytester = project(
        test_speed=SPIN
        + """
    def test_same(cpuperf):
        cpuperf.compare(spin(400), spin(400), at_least=1.0)
    """
    )
    # In a process of its own: this suite's own run turns warnings into errors.
    args = ("--cpuperf", "--cpuperf-max-seconds=1", f"--cpuperf-inconclusive={what}", "-rs")
    result = pytester.runpytest_subprocess(*args)
    result.assert_outcomes(**{outcome: 1}, **({"warnings": 1} if what == "warn" else {}))
    result.stdout.fnmatch_lines(["*?     test_speed.py::test_same*"])
    result.stdout.fnmatch_lines(["*max_seconds is 1,*"])
    if what == "skip":
        result.stdout.fnmatch_lines(["SKIPPED [[]1[]] test_speed.py:*: inconclusive: candidate over baseline:*"])


def test_static_findings_are_tests_that_can_be_chosen(project):
    pytester = project(
        service__handler="""
        import torch
        def predict(model, x):
            with torch.no_grad():
                return model(x).tolist()
        """,
        test_it="def test_it(): pass\n",
    )
    result = pytester.runpytest("--cpuperf")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "service/handler.py:4:10: CPU101 no-grad-inference  torch.no_grad() guards inference",
            "CPU101 no-grad-inference: service/handler.py:*",
        ]
    )
    pytester.runpytest("--cpuperf", "-k", "not handler").assert_outcomes(passed=1, deselected=1)
    pytester.runpytest("--cpuperf", "--deselect", "service/handler.py::cpuperf").assert_outcomes(passed=1, deselected=1)
    pytester.runpytest("--cpuperf", "--no-cpuperf-static").assert_outcomes(passed=1)
    pytester.runpytest("--cpuperf", "test_it.py::test_it").assert_outcomes(passed=1)


def test_only_runs_static_checks_and_measured_tests(project):
    pytester = project(
        test_it="""
        def test_plain(): pass
        def test_measured(cpuperf): cpuperf.throughput(lambda: None, items=1, max_seconds=4)
        """
    )
    pytester.runpytest("--cpuperf-only").assert_outcomes(passed=1, deselected=1)


def test_without_the_flag_each_function_runs_once_and_nothing_is_measured(project):
    pytester = project(
        test_speed="""
        import time
        def test_once(cpuperf):
            calls = []
            rate = cpuperf.throughput(lambda: calls.append("t"), items=1, at_least=1e15)
            faster = cpuperf.compare(lambda: calls.append("new"), lambda: calls.append("old"), at_least=9.0)
            assert calls == ["t", "new", "old"]
            assert str(rate.verdict) == str(faster.verdict) == "not measured"
            assert not rate.measured and not cpuperf.measuring
            assert rate.pairs == () and cpuperf.cpus == () and cpuperf.placement is None
        """
    )
    result = pytester.runpytest_subprocess("--strict-markers", "-W", "error", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*cpuperf: *")


@linux
def test_every_test_is_pinned_fixtures_included_and_freed_afterwards(project):
    pytester = project(
        conftest="""
        import os, pytest
        ALL = os.sched_getaffinity(0)
        @pytest.fixture(scope="session", autouse=True)
        def masks():
            seen = [os.sched_getaffinity(0)]
            yield seen
            assert os.sched_getaffinity(0) < ALL
        """,
        test_it="""
        import os, pytest, unittest
        @pytest.mark.cpuperf(cores=1)
        def test_one_core(masks, cpuperf):
            assert len(os.sched_getaffinity(0)) == len(masks[0]) == 1
            assert set(cpuperf.cpus) == os.sched_getaffinity(0)
        @pytest.mark.cpuperf(cores=1)
        class TestOld(unittest.TestCase):
            def test_pinned(self):
                assert len(os.sched_getaffinity(0)) == 1
        """,
    )
    before = os.sched_getaffinity(0)
    pytester.runpytest("--cpuperf").assert_outcomes(passed=2)
    assert os.sched_getaffinity(0) == before


@linux
def test_a_model_that_raises_fails_its_own_test_and_the_machine_is_as_it_was(project):
    torch = pytest.importorskip("torch")
    pytester = project(
        test_it="""
        import torch, pytest
        class Model(torch.nn.Module):
            calls = 0
            def forward(self, x):
                self.calls += 1
                if self.calls > 5:
                    raise RuntimeError("expected 384 dimensions, found 12")
                return x @ x
        @pytest.mark.cpuperf(cores=1)
        def test_model(cpuperf):
            assert torch.get_num_threads() == 1
            model = Model().eval()
            cpuperf.throughput(lambda: model(torch.ones(64, 64)), items=64)
        def test_after(): pass
        """
    )
    before, threads = os.sched_getaffinity(0), torch.get_num_threads()
    result = pytester.runpytest_inprocess("--cpuperf")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["E *RuntimeError: expected 384 dimensions, found 12", "test_it.py:*: RuntimeError"])
    assert os.sched_getaffinity(0) == before
    assert torch.get_num_threads() == threads


def test_a_thread_that_leaves_its_place_is_told(project):
    if sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs Linux and 2 CPUs")
    pytester = project(
        test_it="""
        import os, threading, pytest
        ALL = os.sched_getaffinity(0)
        @pytest.mark.cpuperf(cores=1)
        def test_strays():
            def leave():
                os.sched_setaffinity(0, ALL)
                started.set()
                threading.Event().wait()
            started = threading.Event()
            threading.Thread(target=leave, daemon=True).start()
            started.wait()
        """
    )
    result = pytester.runpytest_subprocess("--cpuperf")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["! test_it.py::test_strays: threads left the placement: *"])


def test_what_the_machine_does_not_have_is_skipped_with_both_numbers(project):
    pytester = project(test_it="import pytest\n@pytest.mark.cpuperf(cores=512)\ndef test_it(cpuperf): pass\n")
    result = pytester.runpytest("--cpuperf", "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED * test_it.py:2: cpuperf: asked for 512 cores*there *"])


@pytest.mark.parametrize("flags", [(), ("--cpuperf",)])
def test_an_unknown_marker_keyword_names_the_nearest(project, flags):
    pytester = project(
        test_it="import pytest\n@pytest.mark.cpuperf(core=2)\ndef test_bad(): pass\ndef test_good(): pass\n"
    )
    result = pytester.runpytest(*flags)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["@pytest.mark.cpuperf has no keyword 'core' (did you mean 'cores'?[)]"])


@pytest.mark.parametrize(
    ("args", "toml", "said"),
    [
        (["--cpuperf-jsn=x"], "", "*unknown option --cpuperf-jsn (did you mean '--cpuperf-json'?)"),
        (
            [],
            "[tool.pytest.ini_options]\ncpuperf_pni = 'off'\n",
            "*unknown option 'cpuperf_pni' (did you mean 'cpuperf_pin'?)",
        ),
        (["--cpuperf"], "[tool.cpuperf]\npni = 'off'\n", "*unknown key 'pni' (did you mean 'pin'?)"),
        (
            ["--cpuperf", "--cpuperf-pin=of"],
            "",
            "*pin takes one of each, measured, off, found 'of' (did you mean 'off'?)",
        ),
        (["--cpuperf", "--cpuperf-max-seconds=ten"], "", "*max-seconds takes a number of seconds above 0, found 'ten'"),
        (["--cpuperf", "--cpuperf-json=."], "", "*json takes a file name, found the folder*"),
    ],
)
def test_wrong_options_are_one_line_naming_the_nearest(project, args, toml, said):
    pytester = project(test_it="def test_it(): pass\n")
    (pytester.path / "pyproject.toml").write_text(toml)
    result = pytester.runpytest(*args)
    assert result.ret == 4
    result.stderr.fnmatch_lines([said])


def test_flags_win_over_ini_and_ini_over_toml(project):
    pytester = project(test_it="def test_it(cpuperf): print('max', cpuperf.max_seconds)\n")
    (pytester.path / "pyproject.toml").write_text("[tool.cpuperf]\nmax-seconds = 3\n")
    pytester.runpytest("--cpuperf", "-s").stdout.fnmatch_lines(["*max 3.0*"])
    (pytester.path / "pytest.ini").write_text("[pytest]\ncpuperf = true\ncpuperf_max_seconds = 4\n")
    pytester.runpytest("-s").stdout.fnmatch_lines(["*max 4.0*"])
    pytester.runpytest("-s", "--cpuperf-max-seconds=5").stdout.fnmatch_lines(["*max 5.0*"])


def test_json_holds_machine_findings_and_measurements(project):
    pytester = project(
        test_it="""
        def test_it(cpuperf):
            cpuperf.throughput(lambda: sum(range(999)), items=3, at_least=1, max_seconds=4)
        """
    )
    pytester.runpytest("--cpuperf", "--cpuperf-json=out/results.json").assert_outcomes(passed=1)
    document = json.loads((pytester.path / "out/results.json").read_text())
    assert document["schema"] == "cpuperf/results/1"
    assert document["machine"]["cpus"]
    assert document["static"]["schema"] == "cpuperf/findings/1"
    (test,) = document["tests"]
    assert (test["id"], test["outcome"]) == ("test_it.py::test_it", "passed")
    (measurement,) = test["measurements"]
    assert measurement["verdict"] == "pass"
    assert measurement["estimate"]["low"] <= measurement["estimate"]["point"] <= measurement["estimate"]["high"]
    assert len(measurement["pairs"]) == measurement["estimate"]["pairs"]
    assert set(measurement["pairs"][0]["evidence"]) >= {"steal_seconds", "waited_seconds", "disturbance"}
    assert test["placement"]["cpus"]
    assert os.listdir(pytester.path / "out") == ["results.json"]


@linux
def test_ctrl_c_restores_and_leaves_no_half_written_file(project):
    pytester = project(
        test_it="""
        import pathlib, time
        def test_long(cpuperf):
            pathlib.Path("started").touch()
            cpuperf.throughput(lambda: time.sleep(0.01), items=1, max_seconds=60)
        """,
        conftest="""
        import atexit, os
        ALL = os.sched_getaffinity(0)
        atexit.register(lambda: open("mask", "w").write(str(os.sched_getaffinity(0) == ALL)))
        """,
    )
    run = subprocess.Popen(
        [sys.executable, "-m", "pytest", "--cpuperf", "--cpuperf-json=results.json"],
        cwd=pytester.path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=hear_signals,
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while not (pytester.path / "started").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate(timeout=30)
    assert run.returncode == 2, out
    assert "results.json was not written: the run was interrupted" in out
    assert [p.name for p in pytester.path.iterdir() if "results" in p.name] == []
    assert (pytester.path / "mask").read_text() == "True"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("cpuperf.throughput(lambda: 1, items=0)", "items takes a number above 0, found 0"),
        ("cpuperf.throughput(42, items=1)", "function takes a function to call, found 42"),
        ("cpuperf.compare(lambda: 1, lambda: 1, at_least='fast')", "at_least takes a number above 0, found 'fast'"),
        ("cpuperf.throughput(lambda: 1, items=1, max_seconds=-1)", "max_seconds takes a number above 0, found -1"),
    ],
)
def test_wrong_arguments_say_what_was_expected_and_found(project, call, said):
    pytester = project(test_it=f"def test_it(cpuperf): {call}\n")
    result = pytester.runpytest("--cpuperf")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"E *UsageError: {said}*"])


@pytest.mark.slow
def test_a_function_that_leaves_threads_or_changes_its_speed_is_told(project):
    pytester = project(
        test_it="""
        import threading, time

        def spin(milliseconds):
            end = time.perf_counter() + milliseconds / 1000
            while time.perf_counter() < end:
                pass

        def test_leaks(cpuperf):
            gone = threading.Event()
            def leaks():
                threading.Thread(target=gone.wait, daemon=True).start()
                spin(5)
            try:
                record = cpuperf.throughput(leaks, items=1, max_seconds=3)
            finally:
                gone.set()
            assert "its calls leave threads behind" in str(record.notes[-1])

        def test_warms_up_late(cpuperf):
            calls = []
            def later_faster():
                calls.append(1)
                spin(5 if len(calls) < 30 else 2.5)
            record = cpuperf.compare(later_faster, lambda: spin(5), max_seconds=6)
            assert "its speed changed while it was measured: at the end it was" in str(record.notes[-1])

        def test_gets_faster(cpuperf):
            calls = []
            def ever_faster():
                calls.append(1)
                spin(max(1, 5 - len(calls) / 50))
            record = cpuperf.compare(ever_faster, lambda: spin(5), max_seconds=6)
            assert "its speed changed while it was measured: at the end it was" in str(record.notes[-1])

        def test_returns_at_once(cpuperf):
            record = cpuperf.throughput(lambda: None, items=1, max_seconds=3)
            assert record.calls_per_block > 10_000 and record.estimate.low > 1e5
        """
    )
    pytester.runpytest_subprocess("--cpuperf", "--no-cpuperf-static").assert_outcomes(passed=4)
