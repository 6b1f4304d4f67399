"""What ran outside the placement is told with the measurement that it ran for, though it is gone when the test ends."""

import json
import os
import sys
import textwrap

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="needs Linux and 2 CPUs"
)

# A product large enough for two threads, and a pool whose second thread puts itself on the last CPU.
SESSION = """
import os
import numpy, onnx, onnxruntime
from onnx import helper, numpy_helper

ALL = sorted(os.sched_getaffinity(0))

def make_session():
    weights = numpy_helper.from_array(numpy.ones((256, 256), numpy.float32), "w")
    value = lambda name: helper.make_tensor_value_info(name, 1, [256, 256])
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = helper.make_graph([node], "g", [value("x")], [value("y")], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    options.add_session_config_entry("session.intra_op_thread_affinities", str(ALL[-1] + 1))
    return onnxruntime.InferenceSession(model.SerializeToString(), options)

FEEDS = {"x": numpy.ones((256, 256), numpy.float32)}
"""
ARGUMENTS = ("--cpuperf", "--no-cpuperf-static", "--cpuperf-json=out.json", "--cpuperf-inconclusive=warn")


def only_test(pytester):
    (test,) = json.loads((pytester.path / "out.json").read_text())["tests"]
    return test


def notes(measurement):
    return {note["kind"]: note for note in measurement["notes_facts"]}


def test_a_pool_of_onnxruntime_with_its_own_affinity_is_told_though_its_session_is_gone(project):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    pytester = project(
        conftest=SESSION,
        test_it="""
        import pytest
        from conftest import FEEDS, make_session

        @pytest.mark.cpuperf(cores=1)
        def test_it(cpuperf):
            session = make_session()
            cpuperf.throughput(lambda: session.run(None, FEEDS), items=1, max_seconds=2)
            del session
            cpuperf.throughput(lambda: sum(range(999)), items=1, label="python", max_seconds=1)
        """,
    )
    result = pytester.runpytest_subprocess(*ARGUMENTS)
    result.assert_outcomes(passed=1, warnings=None)
    test = only_test(pytester)
    with_pool, without = test["measurements"]
    last = max(os.sched_getaffinity(0))
    outside = notes(with_pool)["threads outside"]
    assert (outside["count"], outside["cpus"]) == (1, [last])
    assert "threads outside" not in notes(without)
    (stray,) = test["placement"]["strays"]
    assert stray.endswith(f": {last}")
    result.stdout.fnmatch_lines(
        [
            f"*a thread (*) could run outside the placement, on CPU {last}",
            "! test_it.py::test_it: threads left the placement: *",
        ]
    )


POOL = """
import os, queue, threading, time
import pytest

ALL = os.sched_getaffinity(0)

class Pool:
    def __init__(self):
        self.told, self.done = queue.Queue(), queue.Queue()
        threading.Thread(target=self.work, name="encoder", daemon=True).start()

    def work(self):
        os.sched_setaffinity(0, ALL)
        while self.told.get():
            self.done.put(sum(range(20_000)))

    def run(self):
        self.told.put(True)
        self.done.get()
"""


def run_with_pool(project, body, *arguments):
    test = (
        POOL + "@pytest.mark.cpuperf(cores=1)\ndef test_it(cpuperf):\n" + textwrap.indent(textwrap.dedent(body), "    ")
    )
    pytester = project(test_it=test)
    result = pytester.runpytest_subprocess(*ARGUMENTS, *arguments)
    return result, only_test(pytester)


def test_a_thread_that_waits_is_told_for_the_test_and_not_for_the_measurement(project):
    result, test = run_with_pool(
        project,
        """
        pool = Pool()
        cpuperf.throughput(pool.run, items=1, max_seconds=1)
        cpuperf.latency(lambda: sum(range(20_000)), max_seconds=1)
        """,
    )
    result.assert_outcomes(passed=1, warnings=None)
    busy, idle = test["measurements"]
    outside = notes(busy)["threads outside"]
    assert outside["cpus"] == sorted(os.sched_getaffinity(0))[1:]
    assert outside["names"] == ["encoder"]
    assert "threads outside" not in notes(idle)
    assert len(test["placement"]["strays"]) == 1


def test_a_lost_budget_says_that_threads_were_outside(project):
    result, test = run_with_pool(
        project, "cpuperf.compare(Pool().run, lambda: sum(range(20_000)), at_least=100, max_seconds=3)"
    )
    if test["measurements"][0]["verdict"] != "fail":
        pytest.skip("the machine was too busy")
    result.stdout.fnmatch_lines(["E *a thread (encoder) could run outside the placement, on CPU*"])


def test_a_run_that_pins_nothing_says_nothing_of_threads(project):
    _, test = run_with_pool(project, "cpuperf.throughput(Pool().run, items=1, max_seconds=1)", "--cpuperf-pin=off")
    assert not test["placement"]["pinned"]
    assert "threads outside" not in notes(test["measurements"][0])


def test_memory_on_another_node_is_told_with_the_measurement(project):
    pytester = project(
        # As if the process's memory lay on two nodes while `model` exists.
        conftest="""
        import pytest_cpuperf.run.surroundings as surroundings
        held = []
        surroundings.memory_elsewhere = lambda topology, cpus: 0.4 if held else 0.02
        """,
        test_it="""
        from conftest import held

        def test_it(cpuperf):
            held.append("model")
            cpuperf.throughput(lambda: sum(range(999)), items=1, max_seconds=1)
            held.clear()
        """,
    )
    result = pytester.runpytest_subprocess(*ARGUMENTS)
    test = only_test(pytester)
    assert notes(test["measurements"][0])["memory elsewhere"]["share"] == 0.4
    assert test["placement"]["memory_elsewhere"] == 0.4
    result.stdout.fnmatch_lines(
        ["*40% of the process's memory is on another node: load the model in the test*", "! test_it.py::test_it: 40%*"]
    )
