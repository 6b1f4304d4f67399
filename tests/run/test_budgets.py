"""Latency, shares of the peak, async functions, and the line that shows how far a measurement is."""

import json
import os
import pty
import re
import subprocess
import sys

import pytest


def test_a_latency_that_holds_and_one_that_does_not(project):
    pytester = project(
        test_it="""
        import time
        def nap(): time.sleep(0.002)
        def test_holds(cpuperf):
            record = cpuperf.latency(nap, p=0.9, at_most=0.1, max_seconds=4)
            assert record.estimate.low >= 0.002 or not cpuperf.measuring
        def test_does_not(cpuperf):
            cpuperf.latency(nap, p=0.5, at_most=0.001, max_seconds=4)
        """
    )
    result = pytester.runpytest_subprocess("--cpuperf", "--cpuperf-json=results.json")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "E *BudgetFailed: p50 latency: 2.* ms [[]2.*] > 1 ms (budget)",
            "E *% above the budget; even the interval's lower end is above it",
            "pass  test_it.py::test_holds",
            "      p90 latency: 2.* ms [[]2.*] ≤ 100 ms (budget)",
            "      * calls, * % interval, *",
        ]
    )
    tests = json.loads((pytester.path / "results.json").read_text())["tests"]
    assert tests[0]["measurements"][0]["budget"] == {"at_least": None, "unit": "s", "at_most": 0.1}
    pytester.runpytest_subprocess().assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("cpuperf.latency(print, p=90)", "p takes a number from 0.01 to 0.9999, found 90: p90 is p=0.9"),
        ("cpuperf.latency(print, at_most=0)", "at_most takes seconds above 0, found 0"),
        ("cpuperf.latency(5)", "function takes a function to call, found 5"),
    ],
)
def test_wrong_latencies_are_one_line(project, call, said):
    pytester = project(test_it=f"def test_it(cpuperf):\n    {call}\n")
    result = pytester.runpytest_subprocess()
    result.stdout.fnmatch_lines([f"E *UsageError: {said}*"])


def test_a_share_of_the_peak(project):
    pytest.importorskip("torch")
    pytester = project(
        test_it="""
        import time
        import torch
        torch.manual_seed(0)
        A = torch.rand(1024, 1024)
        def work(): return A @ A
        def lazy(): time.sleep(0.05); return A @ A
        def test_product(cpuperf):
            record = cpuperf.throughput(work, items=1, at_least="50% of peak", max_seconds=8)
            assert record.flops_per_call == 2 * 1024**3
            assert 50 < record.estimate.point < 115
        def test_lazy(cpuperf):
            cpuperf.throughput(lazy, items=1, at_least="50% of peak", max_seconds=8)
        def test_nothing_to_count(cpuperf):
            cpuperf.throughput(lambda: sum(range(99)), items=1, at_least="40% of peak")
        """
    )
    result = pytester.runpytest_subprocess("--cpuperf")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "E *BudgetFailed: throughput: * % of peak [[]*] < 50 (budget)",
            "E *UsageError: a budget of '* of peak' needs floating-point work that torch can count, found none*",
            "      * of * GFLOP/s",
        ]
    )


def test_an_async_function_gets_a_loop_and_a_coroutine_nobody_awaits_is_told(project):
    pytester = project(
        test_it="""
        import asyncio
        LOOPS = set()
        async def work():
            LOOPS.add(asyncio.get_running_loop())
            await asyncio.sleep(0)
        def test_async(cpuperf):
            cpuperf.throughput(work, items=1, max_seconds=3)
        def test_forgotten(cpuperf):
            cpuperf.throughput(lambda: work(), items=1)
        def test_inside_a_loop(cpuperf):
            async def main(): cpuperf.throughput(work, items=1)
            asyncio.run(main())
        def test_loops_are_closed():
            assert LOOPS
            assert all(loop.is_closed() for loop in LOOPS)
        """
    )
    for flags in (("-W", "error"), ("--cpuperf", "--cpuperf-inconclusive=warn")):
        result = pytester.runpytest_subprocess(*flags)
        result.assert_outcomes(passed=2, failed=2, warnings=None)
        result.stdout.fnmatch_lines(
            [
                "E *UsageError: the function returns a coroutine that nobody awaits: give the async function itself",
                "E *UsageError: function is async and this test runs inside an event loop*",
            ]
        )


LONG = """
import random, time
def nap():  # too different from call to call for anything to be clear early
    time.sleep(random.choice([0.006, 0.014]))
def test_long(cpuperf):
    cpuperf.compare(nap, nap, at_least=1.0, max_seconds=7)
"""


def on_a_terminal(folder, **variables):
    """Run pytest on a pseudo terminal, and return all it wrote."""
    parent, child = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if k != "CI"} | {"COLUMNS": "80", "TERM": "xterm"} | variables
    command = [sys.executable, "-m", "pytest", "--cpuperf", "--no-cpuperf-static", "--cpuperf-inconclusive=warn"]
    running = subprocess.Popen(command, cwd=folder, stdin=child, stdout=child, stderr=child, env=environment)
    os.close(child)
    written = b""
    while True:
        try:
            part = os.read(parent, 65536)
        except OSError:
            break
        if not part:
            break
        written += part
    running.wait()
    os.close(parent)
    return written.decode("utf-8", "replace")


@pytest.mark.skipif(sys.platform != "linux", reason="needs a pseudo terminal")
def test_a_line_shows_how_far_a_long_measurement_is_on_a_terminal_alone(project):
    pytester = project(test_it=LONG)
    written = on_a_terminal(pytester.path)
    shown = re.findall(r"cpuperf: (\d+) measured, (.*?)at most (\d+) s left", written)
    assert len(shown) > 3
    counts = [int(count) for count, _, _ in shown]
    assert counts[0] < max(counts)
    assert any(figure for _, figure, _ in shown), "an estimate is shown once there is one"
    # A line that is taken away leaves nothing: the last thing drawn below the dots is empty.
    assert written.rfind("\x1b[2K\x1b[1A") > written.rfind("s left")
    assert "measured," not in on_a_terminal(pytester.path, CI="true")
    assert "s left" not in pytester.runpytest_subprocess("--cpuperf", "--cpuperf-inconclusive=warn").stdout.str()
