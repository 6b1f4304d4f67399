import json
import tarfile

import pytest

from pytest_cpuperf.machine.cpulist import parse_list, parse_mask
from pytest_cpuperf.machine.overview import overview
from pytest_cpuperf.machine.topology import read_topology
from pytest_cpuperf.results.figures import format_cpus
from tests.helpers.trees import CAPTURED, two_sockets


def test_reads_cores_packages_and_nodes(machine):
    topology = read_topology(machine(two_sockets()))
    assert topology.cpus == tuple(range(8))
    assert topology.cores == ((0, 4), (1, 5), (2, 6), (3, 7))
    assert topology.packages == ((0, 1, 4, 5), (2, 3, 6, 7))
    assert topology.numa_nodes == {0: (0, 1, 4, 5), 1: (2, 3, 6, 7)}
    assert topology.performance is None


def test_old_kernels_write_masks_and_a_file_may_end_in_nul(machine):
    files = {f"sys/devices/system/cpu/cpu{c}/topology/thread_siblings": "00000003\0" for c in (0, 1)}
    files |= {"sys/devices/system/cpu/online": "0-1\n\0", "sys/devices/system/node/node3/cpumap": "00000000,00000003\n"}
    topology = read_topology(machine(files))
    assert topology.cores == ((0, 1),)
    assert topology.numa_nodes == {3: (0, 1)}


def test_offline_cpus_and_empty_nodes_are_left_out(machine):
    files = two_sockets() | {"sys/devices/system/cpu/online": "0-3\n", "sys/devices/system/node/node7/cpulist": "\n"}
    topology = read_topology(machine(files))
    assert topology.cores == ((0,), (1,), (2,), (3,))
    assert topology.numa_nodes == {0: (0, 1), 1: (2, 3)}


def test_hybrid_machines_have_fast_cpus(machine):
    files = {f"sys/devices/system/cpu/cpu{c}/cpufreq/base_frequency": f"{f}\n" for c, f in enumerate([9, 9, 5, 5])}
    topology = read_topology(machine(files | {"sys/devices/system/cpu/online": "0-3\n"}))
    assert topology.performance == {0, 1}


def test_nothing_there_is_an_empty_machine(tmp_path):
    assert read_topology(tmp_path).cpus == ()


@pytest.mark.parametrize(
    ("text", "cpus"), [("0-3,8", {0, 1, 2, 3, 8}), ("", set()), ("x,2", {2}), ("3-1", set()), ("0-99999999", set())]
)
def test_lists_that_are_torn_give_less_and_never_crash(text, cpus):
    assert parse_list(text) == cpus
    assert parse_list(format_cpus(cpus)) == cpus


def test_masks_have_their_highest_group_first():
    assert parse_mask("00000001,0000000f\n") == {0, 1, 2, 3, 32}
    assert parse_mask("zz") == frozenset()


def captured():
    if not CAPTURED.is_dir():
        return [pytest.param(None, None, marks=pytest.mark.skip("../shared/topology is not beside this checkout"))]
    expected = json.loads((CAPTURED / "expected.json").read_text())
    return [pytest.param(name, found, id=name) for name, found in expected.items()]


@pytest.mark.parametrize(("name", "expected"), captured())
def test_agrees_with_lstopo_on_captured_machines(name, expected, tmp_path):
    with tarfile.open(CAPTURED / f"{name}.tar.bz2") as archive:
        archive.extractall(tmp_path, filter=lambda member, _: None if member.isdev() else member)
    (root,) = tmp_path.iterdir()
    found = overview(root).to_json()
    assert found["cpus"] == expected["cpus"]
    assert sorted(found["cores"]) == sorted(expected["cores"])
    assert found["numa_nodes"] == expected["numa_nodes"]
    assert sorted(cpu for group in found["caches"] for cpu in group) in ([], expected["cpus"])
    assert set(found["placement"]["cpus"]) <= set(expected["cpus"])
