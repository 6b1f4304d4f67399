"""Where tests run: what leaves its place, what ends a test early, and systems that cannot pin."""

import importlib.util
import json
import os
import sys

import pytest

linux = pytest.mark.skipif(sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="needs Linux and 2 CPUs")

LATER = """
import os

ALL = os.sched_getaffinity(0)

def pytest_sessionfinish(session):
    open("mask.txt", "w").write(str(os.sched_getaffinity(0) == ALL))
"""


@linux
@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("pass", {"passed": 1}),
        ("assert False", {"failed": 1}),
        ("raise MemoryError", {"failed": 1}),
        ("pytest.skip('now')", {"skipped": 1}),
        # What pytest-timeout does by default: a signal handler that fails the test.
        (
            "signal.signal(signal.SIGALRM, late); signal.setitimer(signal.ITIMER_REAL, 0.1); time.sleep(9)",
            {"failed": 1},
        ),
        ("cpuperf.throughput(lambda: 1 / 0, items=1)", {"failed": 1}),
    ],
)
def test_however_a_test_ends_its_threads_are_given_back(project, body, outcome):
    pytester = project(
        test_it=f"""
        import signal, time
        import pytest

        def late(*_):
            pytest.fail("Timeout")

        @pytest.mark.cpuperf(cores=1)
        def test_it(cpuperf):
            {body}
        """,
        conftest=LATER,
    )
    result = pytester.runpytest_subprocess("--cpuperf", "--no-cpuperf-static")
    result.assert_outcomes(**outcome)
    assert (pytester.path / "mask.txt").read_text() == "True"


@linux
@pytest.mark.skipif(importlib.util.find_spec("onnxruntime") is None, reason="needs onnxruntime")
def test_onnxruntimes_own_pool_leaves_the_placement_and_is_named(project):
    pytester = project(
        test_it="""
        import onnx, onnxruntime
        import pytest
        from onnx import helper

        @pytest.mark.cpuperf(cores=1)
        def test_it():
            value = lambda name: helper.make_tensor_value_info(name, 1, [2])
            graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "g", [value("x")], [value("y")])
            model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 2
            options.add_session_config_entry("session.intra_op_thread_affinities", "2")
            global session
            session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        """,
    )
    result = pytester.runpytest_subprocess("--cpuperf", "--no-cpuperf-static", "--cpuperf-json=results.json")
    result.assert_outcomes(passed=1)
    (test,) = json.loads((pytester.path / "results.json").read_text())["tests"]
    assert len(test["placement"]["strays"]) == 1
    result.stdout.fnmatch_lines(["! test_it.py::test_it: threads left the placement: *): 1"])


def test_a_system_without_affinity_says_so_in_every_record(project):
    pytester = project(
        elsewhere="""
        import os
        for name in ("sched_setaffinity", "sched_getaffinity"):
            if hasattr(os, name):
                delattr(os, name)
        """,
        test_it="""
        def test_it(cpuperf):
            assert cpuperf.cpus
            cpuperf.throughput(lambda: sum(range(99)), items=1, max_seconds=2)
        """,
    )
    pytester.syspathinsert()
    result = pytester.runpytest_subprocess(
        *("-p", "elsewhere", "--cpuperf", "--no-cpuperf-static", "--cpuperf-json=results.json"),
        "--cpuperf-inconclusive=warn",
    )
    result.assert_outcomes(passed=1, warnings=None)
    (test,) = json.loads((pytester.path / "results.json").read_text())["tests"]
    assert test["placement"]["pinned"] is False
    assert test["placement"]["reason"] == "this system has no CPU affinity that Python can set"
    assert test["measurements"][0]["verdict"] in ("no budget", "inconclusive"), "measured all the same"
    result.stdout.fnmatch_lines(["1 test on CPU*, not pinned (this system has no CPU affinity that Python can*"])
