"""`cpuperf cpus`: the map of this machine, of invented ones and of captured ones."""

import json
import os
import sys

import pytest

from tests.helpers.trees import two_sockets

LIMITED = {
    "proc/mounts": "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n",
    "proc/self/cgroup": "0::/pod\n",
    "sys/fs/cgroup/pod/cpu.max": "150000 100000\n",
    "sys/fs/cgroup/pod/cpu.stat": "usage_usec 5\nnr_periods 70\nnr_throttled 12\nthrottled_usec 9\n",
    "sys/fs/cgroup/pod/cpuset.cpus.effective": "0-2,4-6\n",
    "sys/devices/system/node/node0/meminfo": "Node 0 MemTotal:       33554432 kB\n",
    "sys/devices/system/node/node1/meminfo": "Node 1 MemTotal:       0 kB\n",
    "sys/devices/system/node/node7/meminfo": "Node 7 MemTotal:       1048576 kB\n",
    "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor": "powersave\n",
    "sys/devices/system/cpu/intel_pstate/no_turbo": "0\n",
}


def test_the_map_of_a_container_on_two_sockets(machine, cpuperf_command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    root = machine(two_sockets() | LIMITED)
    code, out, _ = cpuperf_command("cpus", "--root", root)
    assert code == 0
    assert out.splitlines() == [
        "yours: 6 of 8 CPUs, quota 1.5 → 1 usable",
        "",
        "package 0 · node 0 · 32 GB",
        "  cpu       0* 1·",
        "  + thread  4· 5·",
        "",
        "package 1 · node 1 · no memory",
        "  cpu       2· 3",
        "  + thread  6· 7",
        "",
        "* a test runs here   · yours, not used   unmarked: not yours",
        "a test gets CPUs 0: node 0, one CPU per core, quota 1.5",
        "memory without CPUs: node 7",
        "! quota 1.5 is below 6 CPUs: more than one busy thread will be throttled",
        "! the quota has throttled this cgroup in 12 of 70 periods so far",
        "! node 1 has no memory of its own: what runs there reads that of other nodes",
        "! governor powersave on CPUs 1: clocks follow load, so short runs vary; cpupower",
        "  frequency-set -g performance",
        "! turbo is on: the clock depends on other cores; for steady figures, echo 1 into",
        "  intel_pstate/no_turbo",
    ]


def test_the_document_holds_what_the_map_shows(machine, cpuperf_command):
    files = two_sockets() | LIMITED
    for cpu in range(8):
        cache = f"sys/devices/system/cpu/cpu{cpu}/cache"
        files |= {f"{cache}/index0/level": "1\n", f"{cache}/index0/type": "Instruction\n"}
        files |= {f"{cache}/index3/level": "3\n", f"{cache}/index3/type": "Unified\n"}
        files[f"{cache}/index3/shared_cpu_map"] = "33\n" if cpu % 4 < 2 else "cc\n"
    _, out, _ = cpuperf_command("cpus", "--root", machine(files), "--format", "json")
    document = json.loads(out)
    assert document["schema"] == "cpuperf/cpus/1"
    assert document["cpus"] == [0, 1, 2, 4, 5, 6]
    assert document["cores"] == [[0, 4], [1, 5], [2, 6]]
    assert document["packages"] == document["caches"] == [[0, 1, 4, 5], [2, 6]]
    assert document["numa_nodes"] == {"0": [0, 1, 4, 5], "1": [2, 6]}
    assert (document["quota"], document["usable"], document["kinds"]) == (1.5, 1, None)
    assert document["placement"] == {"cpus": [0], "reason": "node 0, one CPU per core, quota 1.5"}


def test_hybrid_cores_are_told_apart(machine, cpuperf_command):
    files = {"sys/devices/system/cpu/online": "0-3\n", "sys/devices/cpu_core/cpus": "0-1\n"}
    files["sys/devices/system/cpu/cpu0/topology/core_cpus_list"] = "0-1\n"
    files |= {f"sys/devices/system/cpu/cpu{c}/topology/package_cpus_list": "0-3\n" for c in range(4)}
    root = machine(files)
    _, out, _ = cpuperf_command("cpus", "--root", root)
    assert "performance cores\n  cpu       0*\n  + thread  1·\n" in out
    assert "efficiency cores\n  cpu       2· 3·\n" in out
    _, out, _ = cpuperf_command("cpus", "--root", root, "--format", "json")
    assert json.loads(out)["kinds"] == {"performance": [0, 1], "efficiency": [2, 3]}


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's affinity")
def test_this_machine_within_an_affinity(cpuperf_command, monkeypatch):
    before = os.sched_getaffinity(0)
    monkeypatch.setenv("GOMP_CPU_AFFINITY", "0")
    monkeypatch.setenv("OMP_NUM_THREADS", "4096")
    os.sched_setaffinity(0, {max(before)})
    try:
        _, out, _ = cpuperf_command("cpus", "--format", "json")
    finally:
        os.sched_setaffinity(0, before)
    document = json.loads(out)
    assert document["cpus"] == document["placement"]["cpus"] == [max(before)]
    assert document["usable"] == 1
    assert (
        "GOMP_CPU_AFFINITY=0 puts the main thread on one CPU when torch is imported: unset it" in document["warnings"]
    )
    assert any(w.startswith("OMP_NUM_THREADS=4096 is above 1 usable") for w in document["warnings"])


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_that_is_no_machine(cpuperf_command, tmp_path, there):
    root = tmp_path if there else tmp_path / "gone"
    code, out, err = cpuperf_command("cpus", "--root", root)
    assert (code, out) == (2, "")
    assert err.startswith(f"cpuperf: {root} is no captured machine: expected sys/devices/system/cpu in it")


@pytest.mark.parametrize("text", ["0-3\n", "\0", "-1\n", "99999999999\n"])
def test_torn_files_give_a_smaller_answer_or_one_line(machine, cpuperf_command, text):
    files = dict.fromkeys(two_sockets(), text)
    code, _, err = cpuperf_command("cpus", "--root", machine(files))
    assert code == 0 or (code == 2 and len(err.splitlines()) == 1)
