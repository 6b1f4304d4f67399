"""What is tested inside a guest, whose shape is in GUEST: the real kernel's /sys, cgroups, affinity and memory."""

import json
import mmap
import os
import subprocess
import sys
import threading

import pytest

from pytest_cpuperf.machine.cpulist import parse_list
from pytest_cpuperf.machine.limits import read_limits
from pytest_cpuperf.machine.memory import memory_elsewhere
from pytest_cpuperf.machine.pin import Pin
from pytest_cpuperf.machine.placement import Request, place, usable_cpus
from pytest_cpuperf.machine.topology import read_topology

GUEST = json.loads(os.environ["GUEST"])
SOCKETS, CORES, THREADS = GUEST["sockets"], GUEST["cores"], GUEST["threads"]
EVERY_CPU = set(range(SOCKETS * CORES * THREADS))
OURS = parse_list(GUEST["cpuset"]) if GUEST["cpuset"] else EVERY_CPU
QUOTA = GUEST["quota"]
TOPOLOGY = read_topology()
LIMITS = read_limits()
OWN = TOPOLOGY.restricted(OURS)


def python(*arguments, **variables):
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env={**os.environ, **variables}, timeout=200
    )


def test_topology():
    assert set(TOPOLOGY.cpus) == EVERY_CPU
    assert len(TOPOLOGY.packages) == len(TOPOLOGY.numa_nodes) == SOCKETS
    assert len(TOPOLOGY.cores) == SOCKETS * CORES
    assert {len(core) for core in TOPOLOGY.cores} == {THREADS}
    assert all(size > 0 for size in TOPOLOGY.memory_bytes.values())


def test_limits():
    assert LIMITS.quota == QUOTA
    assert LIMITS.allowed == OURS
    assert usable_cpus(TOPOLOGY, LIMITS) == (max(1, min(len(OURS), int(QUOTA))) if QUOTA else len(OURS))


def test_placement_is_one_cpu_a_core_of_one_node_within_the_quota():
    chosen = place(TOPOLOGY, LIMITS, Request()).cpus
    assert set(chosen) <= OURS
    assert sum(bool(set(chosen) & set(cpus)) for cpus in TOPOLOGY.numa_nodes.values()) == 1
    assert all(len(set(chosen) & set(core)) <= 1 for core in TOPOLOGY.cores)
    roomiest = max(sum(core[0] in cpus for core in OWN.cores) for cpus in OWN.numa_nodes.values())
    assert len(chosen) == min(roomiest, max(1, int(QUOTA))) if QUOTA else roomiest


def test_every_thread_is_pinned_read_back_and_given_back():
    before = os.sched_getaffinity(0)
    done = threading.Event()
    threads = [threading.Thread(target=done.wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    chosen = place(TOPOLOGY, LIMITS, Request()).cpus
    pin = Pin.apply(chosen)
    masks = {int(t): os.sched_getaffinity(int(t)) for t in os.listdir("/proc/self/task")}
    strays = pin.strays()
    pin.restore()
    after = {frozenset(os.sched_getaffinity(int(t))) for t in os.listdir("/proc/self/task")}
    done.set()
    for thread in threads:
        thread.join()
    assert len(masks) >= 4
    assert set(map(frozenset, masks.values())) == {frozenset(chosen)}
    assert strays == ()
    assert after == {frozenset(before)}


@pytest.mark.skipif(len(OWN.numa_nodes) < 2, reason="one node is ours")
def test_memory_is_where_it_was_first_touched():
    far, near = list(OWN.numa_nodes)[:2]
    pin = Pin.apply(OWN.numa_nodes[far])
    memory = mmap.mmap(-1, 64 << 20)
    memory.write(b"x" * len(memory))
    there = memory_elsewhere(TOPOLOGY, OWN.numa_nodes[far])
    here = memory_elsewhere(TOPOLOGY, OWN.numa_nodes[near])
    pin.restore()
    assert there < here
    assert here > 0.5


def test_the_command_tells_the_same():
    document = json.loads(python("-m", "pytest_cpuperf", "cpus", "--format", "json").stdout)
    assert set(document["cpus"]) == OURS
    assert document["quota"] == QUOTA
    assert len(document["numa_nodes"]) == len(OWN.numa_nodes)
    assert tuple(document["placement"]["cpus"]) == place(TOPOLOGY, LIMITS, Request()).cpus
    assert any("quota" in w for w in document["warnings"]) == bool(QUOTA)


TESTS = """
import os, pytest

@pytest.mark.parametrize("n", range(4))
def test_it(cpuperf, n):
    masks = {frozenset(os.sched_getaffinity(int(t))) for t in os.listdir("/proc/self/task")}
    assert masks == {frozenset(cpuperf.cpus)}
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_the_plugin_alone_and_under_xdist(tmp_path, workers):
    (tmp_path / "test_it.py").write_text(TESTS)
    command = ["-m", "pytest", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path / "test_it.py")]
    command += ["--cpuperf", "--no-cpuperf-static", f"--cpuperf-json={tmp_path}/results.json", "-n", str(workers)]
    done = python(*command)
    assert done.returncode == 0, done.stdout
    tests = json.loads((tmp_path / "results.json").read_text())["tests"]
    assert len(tests) == 4
    by_worker = {}
    for test in tests:
        cpus = set(test["placement"]["cpus"])
        assert test["placement"]["pinned"]
        assert cpus <= OURS
        assert sum(bool(cpus & set(members)) for members in TOPOLOGY.numa_nodes.values()) == 1
        by_worker.setdefault(test["worker"], set()).update(cpus)
    slots = min(workers or 1, len(OWN.cores), max(1, int(QUOTA)) if QUOTA else len(OWN.cores))
    cores_of = {w: {core for core in TOPOLOGY.cores if cpus & set(core)} for w, cpus in by_worker.items()}
    if slots == len(cores_of) == 2:
        first, second = cores_of.values()
        assert first.isdisjoint(second), "workers share no core"


def test_processes_that_cross_nodes_are_found_out():
    sleepers = [
        subprocess.Popen(
            [sys.executable, "-c", "import time; print(flush=True); time.sleep(100)"], stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    try:
        for sleeper in sleepers:
            sleeper.stdout.readline()
        pids = [str(s.pid) for s in sleepers]
        done = python("-m", "pytest_cpuperf", "inspect", *pids, "--seconds", "0.2", "--format", "json")
    finally:
        for sleeper in sleepers:
            sleeper.kill()
    document = json.loads(done.stdout)
    names = {p["name"] for p in document["problems"]}
    assert done.returncode == 1
    assert ("overlap" in names, "crosses-nodes" in names) == (True, len(OWN.numa_nodes) > 1)
    assert any(line.startswith("taskset -apc ") for line in document["settings"])
