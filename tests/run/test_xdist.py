"""Under xdist: workers have their own cores, take turns where they share one, and lose nothing but what dies."""

import json
import os

import pytest

pytest.importorskip("xdist")
pytestmark = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs Linux's affinity")
two_cpus = pytest.mark.skipif(
    hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) < 2, reason="needs two CPUs"
)


def results(pytester):
    return json.loads((pytester.path / "results.json").read_text())


def test_records_travel_from_xdists_workers(project):
    pytester = project(
        service="import torch\ndef f(model, x):\n    with torch.no_grad():\n        return model(x).item()\n",
        test_it="""
        import pytest
        @pytest.mark.parametrize("n", range(4))
        def test_it(cpuperf, n):
            cpuperf.throughput(lambda: sum(range(999)), items=3, at_least=1, max_seconds=4)
        """,
    )
    result = pytester.runpytest_subprocess("--cpuperf", "-n", "2", "--cpuperf-json=results.json")
    result.assert_outcomes(passed=4, failed=1)
    document = json.loads((pytester.path / "results.json").read_text())
    assert len(document["tests"]) == 4
    assert {t["worker"] for t in document["tests"]} <= {"gw0", "gw1"}
    assert len(document["static"]["findings"]) == 1
    if len(os.sched_getaffinity(0)) >= 2:
        by_worker = {t["worker"]: tuple(t["placement"]["cpus"]) for t in document["tests"]}
        assert len(set(by_worker.values())) == len(by_worker), "workers share no core"


def test_with_more_workers_than_cores_measured_tests_take_turns_and_others_run_on(project):
    workers = 2 * len(os.sched_getaffinity(0))
    pytester = project(
        test_it="""
        import os, pathlib, time
        import pytest

        def note(kind, n, start):
            mask = sorted(os.sched_getaffinity(0))
            pathlib.Path(f"{kind}-{n}.txt").write_text(f"{mask}|{start}|{time.monotonic()}")

        @pytest.mark.parametrize("n", range(8))
        def test_measured(cpuperf, n):
            start = time.monotonic()
            cpuperf.throughput(lambda: time.sleep(0.001), items=1, max_seconds=0.5)
            note("measured", n, start)

        @pytest.mark.parametrize("n", range(8))
        def test_other(n):
            start = time.monotonic()
            time.sleep(0.3)
            note("other", n, start)
        """,
    )
    result = pytester.runpytest_subprocess("--cpuperf", "-n", str(workers), "--cpuperf-inconclusive=warn")
    result.assert_outcomes(passed=16, warnings=None)

    def spans(kind):
        for file in pytester.path.glob(f"{kind}-*.txt"):
            mask, start, end = file.read_text().split("|")
            yield mask, float(start), float(end)

    measured, others = list(spans("measured")), list(spans("other"))
    for mask, start, end in measured:
        inside = [s for m, s, e in measured if m == mask and start < s < end]
        assert not inside, "two tests were measured on one core at one time"
    assert any(s < end and start < e for _, start, end in measured for _, s, e in others), "others stood still"


@two_cpus
def test_a_test_that_wants_more_than_a_workers_part_waits_for_all_and_runs_alone(project):
    count = len(os.sched_getaffinity(0))
    pytester = project(
        test_it=f"""
        import time
        import pytest

        @pytest.mark.cpuperf(smt="use", node="any", cores=None)
        @pytest.mark.parametrize("n", range(2))
        def test_small(cpuperf, n):
            cpuperf.throughput(lambda: time.sleep(0.001), items=1, max_seconds=0.3)

        @pytest.mark.cpuperf(cores=2)
        def test_wide(cpuperf):
            assert len(cpuperf.cpus) == 2 <= {count}
        """,
    )
    pytester.runpytest_subprocess(
        "--cpuperf", "-n", str(count), "--cpuperf-json=results.json", "--cpuperf-inconclusive=warn"
    )
    wide = next(t for t in results(pytester)["tests"] if "wide" in t["id"])
    assert wide["outcome"] == "passed"
    assert "more than a worker's part" in wide["placement"]["reason"]


def test_workers_on_other_machines_are_told_apart(project):
    """As `--tx ssh=…` has them: each test is of the machine that ran it."""
    pytester = project(
        conftest="""
        import os
        if os.environ.get("PYTEST_XDIST_WORKER") == "gw1":
            from pytest_cpuperf.machine import fingerprint
            fingerprint._processor = lambda: ("a processor elsewhere", [])
        """,
        test_it="""
        import pytest, time
        @pytest.mark.parametrize("n", range(4))
        def test_it(cpuperf, n):
            cpuperf.latency(lambda: time.sleep(0.01), at_most=1, max_seconds=2)
        """,
    )
    pytester.runpytest_subprocess(
        "--cpuperf", "-n2", "--dist=each", "--cpuperf-json=results.json", "--no-cpuperf-static"
    )
    document = results(pytester)
    (elsewhere,) = [m for m in document["machines"].values() if m["processor"] == "a processor elsewhere"]
    assert document["machine"]["fingerprint"] != elsewhere["fingerprint"]
    by_worker = {(t["worker"], t["machine"]) for t in document["tests"]}
    assert by_worker == {("gw0", document["machine"]["fingerprint"]), ("gw1", elsewhere["fingerprint"])}


def test_a_worker_that_dies_loses_only_its_running_test(project):
    pytester = project(
        test_it="""
        import os, time
        import pytest

        @pytest.mark.parametrize("n", range(16))
        def test_it(cpuperf, n):
            cpuperf.throughput(lambda: time.sleep(0.001), items=1, max_seconds=0.3)
            time.sleep(0.4)
            if n == 1:
                os._exit(3)
        """,
    )
    result = pytester.runpytest_subprocess(
        "--cpuperf", "-n", "2", "--cpuperf-json=results.json", "--cpuperf-inconclusive=warn"
    )
    result.assert_outcomes(passed=15, failed=1, warnings=None)
    tests = results(pytester)["tests"]
    assert {int(t["id"].rstrip("]").split("[")[1]) for t in tests} == {*range(16)} - {1}
    assert {t["worker"] for t in tests} >= {"gw2"}, "a new worker took over"
    cpus = {t["worker"]: tuple(t["placement"]["cpus"]) for t in tests}
    if len(os.sched_getaffinity(0)) >= 2 and "gw0" in cpus and "gw1" in cpus:
        assert cpus["gw2"] in (cpus["gw0"], cpus["gw1"]), "in the place of the one that died"
