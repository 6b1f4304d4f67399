import sys

import pytest

from pytest_cpuperf.machine.memory import memory_elsewhere, peak_memory
from pytest_cpuperf.machine.topology import read_topology
from tests.helpers.trees import two_sockets

MEMORY = {f"sys/devices/system/node/node{n}/meminfo": f"Node {n} MemTotal: 1000 kB\n" for n in (0, 1)}
MAPS = """7f1 default anon=300 dirty=300 N0=100 N1=200 kernelpagesize_kB=4
7f2 default huge anon=1 N0=1 kernelpagesize_kB=2048
7f3 default file=/usr/lib/libc.so.6 mapped=900 N1=900 kernelpagesize_kB=4
7f5 default file=/usr/bin/python3.11 mapped=900 N1=900 kernelpagesize_kB=4
7f6 default file=/models/weights.safetensors mapped=50 N0=50 kernelpagesize_kB=4
7f4 default stack
"""


@pytest.mark.parametrize(("cpus", "share"), [({0, 1}, 800 / 3448), ({2}, 2648 / 3448), ({0, 2}, 0.0)])
def test_pages_on_other_nodes_are_counted_in_bytes(machine, cpus, share):
    root = machine(two_sockets() | MEMORY | {"proc/self/numa_maps": MAPS})
    assert memory_elsewhere(read_topology(root), cpus, root) == pytest.approx(share)


def test_one_node_or_no_file_is_not_told(machine):
    assert memory_elsewhere(read_topology(machine(two_sockets())), {0}, machine({})) is None
    root = machine(two_sockets() | MEMORY, root="no-maps")
    assert memory_elsewhere(read_topology(root), {0}, root) is None


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_most_memory_is_told_though_the_allocator_had_it_before():
    above = []
    for _ in range(2):
        with peak_memory() as peak:
            pieces = [b"x" * 100_000 for _ in range(300)]
            above.append(b"y" * 100_000)  # what was freed below it does not go back by itself
            del pieces
        assert peak.added_bytes is not None
        assert 25e6 < peak.added_bytes < 60e6


def test_on_this_machine_memory_is_somewhere():
    topology = read_topology()
    share = memory_elsewhere(topology, topology.cpus)
    assert share is None or share == 0.0
