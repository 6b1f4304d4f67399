"""Verdicts on invented servers; real ones are looked at in tests/cli and tests/e2e."""

from pathlib import Path

import pytest

from pytest_cpuperf.machine.limits import Limits
from pytest_cpuperf.machine.topology import Topology
from pytest_cpuperf.reports.inspection import problem_text, verdict_text
from pytest_cpuperf.servers.inspection import inspect
from pytest_cpuperf.servers.processes import Process, Thread
from pytest_cpuperf.servers.torchserve import TorchServe

FREE = Limits(None, None)
TWO_NODES = Topology(
    cpus=tuple(range(8)),
    cores=((0, 4), (1, 5), (2, 6), (3, 7)),
    packages=((0, 1, 4, 5), (2, 3, 6, 7)),
    numa_nodes={0: (0, 1, 4, 5), 1: (2, 3, 6, 7)},
)
ONE_NODE = Topology((0, 1, 2, 3), ((0,), (1,), (2,), (3,)), ((0, 1, 2, 3),), {0: (0, 1, 2, 3)})


def worker(pid, cpus, threads=2, ran=0.0, waited=0.0, parent=1, libraries=("torch",), **variables):
    made = tuple(Thread(pid + n, "python3", frozenset(cpus), ran, waited, 0, 0) for n in range(threads))
    return Process(pid, parent, "python3", ("python3", "serve.py"), None, libraries, variables, made)


def names(report):
    return [p.kind for p in report.problems]


def test_workers_on_cores_of_their_own_are_pinned():
    report = inspect([worker(10, {0, 1}), worker(20, {2, 3})], TWO_NODES, FREE, 1.0)
    assert report.pinned
    assert verdict_text(report) == "pinned: 2 workers on CPUs 0-1 | 2-3"
    assert (report.problems, report.settings) == ((), ())


def test_workers_that_share_all_cpus_of_two_nodes():
    report = inspect([worker(10, range(8)), worker(20, range(8))], TWO_NODES, FREE, 1.0)
    assert not report.pinned
    assert names(report) == ["overlap", "crosses-nodes"]
    assert problem_text(report.problems[0]) == "workers 10, 20 share CPUs 0-7"
    assert problem_text(report.problems[1]) == "workers 10, 20 may run on nodes 0-1"
    assert "taskset -apc 0-1 10" in report.settings
    assert "numactl --physcpubind=2-3 --membind=1 …  # when worker 20 starts" in report.settings
    assert "OMP_NUM_THREADS=2" in report.settings


def test_hyperthreads_of_one_core():
    report = inspect([worker(10, {0}, 1), worker(20, {4}, 1)], TWO_NODES, FREE, 1.0)
    assert names(report) == ["shared-cores"]
    assert "(0,4)" in problem_text(report.problems[0])


def test_threads_that_want_more_than_there_is():
    report = inspect([worker(10, {0, 1}, 4, ran=0.5, waited=1.0)], ONE_NODE, FREE, 2.0)
    assert report.processes[0].wanted_cpus == 3.0
    assert problem_text(report.problems[0]) == "×1.5: threads of worker 10 want 3.0 CPUs, and may use CPUs 0-1"
    assert "oversubscribed ×1.5" in verdict_text(report)


def test_a_quota_is_what_is_usable_and_says_how_often_it_stopped_them(tmp_path):
    stat = tmp_path / "cpu.stat"
    stat.write_text("nr_periods 100\nnr_throttled 37\n")
    report = inspect([worker(10, range(4), 4, ran=1.0)], ONE_NODE, Limits(None, 2.0, stat), 1.0)
    assert names(report) == ["oversubscribed", "throttled"]
    assert problem_text(report.problems[0]) == "×2.0: their threads want 4.0 CPUs, and 2 are usable"
    assert "stopped them in 37 of 100 periods so far: 2 busy threads at most, of 4 CPUs" in problem_text(
        report.problems[1]
    )
    assert report.settings == ("taskset -apc 0-1 10", "OMP_NUM_THREADS=2")


@pytest.mark.parametrize(("threads", "crowded"), [(12, False), (13, False), (14, True)])
def test_idle_pools_are_crowded_where_three_right_ones_would_have_fewer(threads, crowded):
    report = inspect([worker(10, range(4), threads)], ONE_NODE, FREE, 1.0)
    assert (names(report) == ["oversubscribed"]) == crowded


def test_thread_variables_against_the_mask():
    bound = worker(10, {0}, 2, OMP_PROC_BIND="close", OMP_NUM_THREADS="8")
    report = inspect([bound, worker(20, {1}, 1, OMP_PROC_BIND="false")], ONE_NODE, FREE, 1.0)
    messages = [problem_text(p) for p in report.problems if p.kind == "thread-variable"]
    assert messages == [
        "OMP_NUM_THREADS=8 in worker 10, which may use CPUs 0",
        "OMP_PROC_BIND=close put worker 10's main thread on one CPU",
    ]


def test_a_launcher_that_is_not_in_effect_and_one_that_is():
    serve = TorchServe(1, Path("config.properties"), launcher_enabled=True)
    launcher = Process(
        5, 1, "python3", ("python3", "-m", "torch.backends.xeon.run_cpu"), Path("/"), ("torch",), {},
        (Thread(5, "python3", frozenset(range(4)), 0, 0, 0, 0),),
    )  # fmt: skip
    report = inspect([launcher, worker(10, {0, 1}, parent=5), worker(20, {2, 3})], ONE_NODE, FREE, 1.0, serve)
    assert [p.role for p in report.processes] == ["launcher", "worker", "worker"]
    assert names(report) == ["launcher-not-in-effect"]
    assert "and worker 20 run without it" in problem_text(report.problems[0])
    assert report.settings[:2] == (
        "cpu_launcher_enable=true",
        "cpu_launcher_args=--core_list 0,1,2,3 --ncores_per_instance 2",
    )
    pinned = [launcher, worker(10, {0, 1}, parent=5), worker(20, {2, 3}, parent=5)]
    assert inspect(pinned, ONE_NODE, FREE, 1.0, serve).problems == ()


def test_more_workers_than_cores():
    report = inspect([worker(n, {0, 1}, 1) for n in (10, 20, 30)], ONE_NODE, Limits(frozenset({0, 1}), None), 1.0)
    assert report.settings[0] == "# 3 workers for 2 cores' worth of CPUs: start 2"


def test_a_parent_that_waits_is_not_a_worker():
    master = worker(5, range(4), 3)
    children = [worker(10, {0, 1}, parent=5), worker(20, {2, 3}, parent=5)]
    report = inspect([master, *children], ONE_NODE, FREE, 1.0)
    assert [p.role for p in report.processes] == ["parent", "worker", "worker"]
    assert report.pinned


def test_nothing_that_computes_beside_something_that_does():
    shell = worker(5, range(4), 1, libraries=())
    report = inspect([shell, worker(10, {0}, 1)], ONE_NODE, FREE, 1.0)
    assert [p.role for p in report.processes] == ["other", "worker"]
