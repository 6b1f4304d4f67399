import threading

import pytest

from pytest_cpuperf.machine.limits import Limits
from pytest_cpuperf.machine.slots import Turns, divide
from pytest_cpuperf.machine.topology import Topology

FREE = Limits(None, None)


def machine(nodes, cores_per_node, threads=2, fast=None):
    """Return a machine whose hyperthreads are numbered after all first threads, as Linux does on most."""
    total = nodes * cores_per_node
    cores = tuple(tuple(core + total * t for t in range(threads)) for core in range(total))
    by_node = {
        n: tuple(sorted(c for core in cores[n * cores_per_node : (n + 1) * cores_per_node] for c in core))
        for n in range(nodes)
    }
    cpus = tuple(range(total * threads))
    return Topology(cpus, cores, tuple(by_node.values()), by_node, fast)


@pytest.mark.parametrize(
    ("nodes", "cores", "workers", "expected"),
    [
        (1, 4, 2, [(0, 1, 4, 5), (2, 3, 6, 7)]),
        (2, 2, 2, [(0, 1, 4, 5), (2, 3, 6, 7)]),  # a node each
        (2, 2, 3, [(0, 4), (1, 5), (2, 3, 6, 7)]),
        (2, 2, 9, [(0, 4), (1, 5), (2, 6), (3, 7)]),  # no more slots than cores
        (1, 1, 2, [(0, 1)]),
    ],
)
def test_slots_are_whole_cores_of_one_node(nodes, cores, workers, expected):
    assert [slot.cpus for slot in divide(machine(nodes, cores), FREE, workers)] == expected


@pytest.mark.parametrize("workers", range(1, 12))
@pytest.mark.parametrize(("nodes", "cores", "threads"), [(1, 1, 1), (1, 3, 2), (2, 4, 1), (3, 5, 2), (8, 2, 4)])
def test_slots_never_meet_never_cross_nodes_and_use_every_core(nodes, cores, threads, workers):
    topology = machine(nodes, cores, threads)
    slots = divide(topology, FREE, workers)
    assert len(slots) == min(workers, nodes * cores)
    everything = [cpu for slot in slots for cpu in slot.cpus]
    assert len(everything) == len(set(everything))
    for slot in slots:
        assert sum(set(slot.cpus) <= set(cpus) for cpus in topology.numa_nodes.values()) == 1
        assert all(set(core) <= set(slot.cpus) for core in topology.cores if set(core) & set(slot.cpus))
    if workers >= nodes:
        assert sorted(everything) == list(topology.cpus)


def test_a_quota_bounds_the_slots_and_is_divided():
    slots = divide(machine(1, 8), Limits(None, 2.5), 4)
    assert [(slot.quota, slot.count) for slot in slots] == [(1.25, 2)] * 2
    assert [len(divide(machine(1, 8), Limits(None, 0.5), 4))] == [1]


def test_each_slot_of_a_hybrid_machine_has_its_part_of_either_kind():
    topology = machine(1, 6, 1, fast=frozenset({0, 1}))
    assert [slot.cpus for slot in divide(topology, FREE, 2)] == [(0, 2, 3), (1, 4, 5)]
    assert len(divide(topology, FREE, 5)) == 2


def test_no_cpu_no_slot():
    assert divide(machine(1, 2), Limits(frozenset({99}), None), 2) == ()


def test_turns_are_taken_one_after_the_other(tmp_path):
    turns, inside, most = Turns(tmp_path), [], []
    gate = threading.Lock()

    def work(slots):
        with Turns(tmp_path).take(slots):
            with gate:
                inside.append(slots)
                most.append(len(inside))
            threading.Event().wait(0.05)
            with gate:
                inside.remove(slots)

    threads = [threading.Thread(target=work, args=(slots,)) for slots in [(0,), (1, 0), (0, 1), (0,)]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=10)
    assert most == [1, 1, 1, 1]
    with turns.take((0, 1)):
        pass
