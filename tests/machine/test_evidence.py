import os
import subprocess
import sys
import time

import pytest

from pytest_cpuperf.machine.evidence import Watch, total, with_disturbance
from pytest_cpuperf.results.records import Evidence


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, None),
        ({"waited_seconds": 0.5, "others_seconds": 0.5}, "other processes kept it waiting for 33% of its time"),
        ({"waited_seconds": 0.5, "others_seconds": 0.0}, None),  # more threads than CPUs wait for each other
        ({"waited_seconds": 0.0, "others_seconds": 0.9}, None),  # they ran beside us, on a CPU we did not want
        ({"waited_seconds": None, "others_seconds": 0.5}, "other processes took 50% of its CPUs"),
        ({"steal_seconds": 0.2}, "the hypervisor took 20% of its CPUs"),
        ({"throttled_periods": 3}, "the CPU quota stopped it 3 times"),
    ],
)
def test_the_rule_for_setting_aside(fields, said):
    assert with_disturbance(Evidence(wall_seconds=1.0, own_seconds=1.0, **fields)).disturbance == said


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_neighbour_on_our_cpu_is_seen():
    before = os.sched_getaffinity(0)
    cpu = min(before)
    os.sched_setaffinity(0, {cpu})
    neighbour = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.3)
        watch = Watch([cpu])
        first = watch.read()
        while time.perf_counter() - first.wall < 0.5:
            pass
        evidence = watch.between(first, watch.read())
    finally:
        neighbour.kill()
        neighbour.wait()
        os.sched_setaffinity(0, before)
    assert "other processes kept it waiting" in evidence.disturbance


def test_the_sum_of_nothing_is_nothing_and_unknown_stays_unknown():
    assert total([]) is None
    one = Evidence(wall_seconds=1.0, own_seconds=1.0, steal_seconds=None, others_seconds=0.25)
    both = total([one, one])
    assert (both.wall_seconds, both.steal_seconds, both.others_seconds) == (2.0, None, 0.5)
