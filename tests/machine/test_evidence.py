import os
import subprocess
import sys
import time

import pytest

from pytest_cpuperf.machine.evidence import ProcessCounters, Quantity, Watch, total, with_disturbance
from pytest_cpuperf.machine.evidence.files import stalled_seconds
from pytest_cpuperf.reports.sentences.measuring import disturbance_text
from pytest_cpuperf.results.evidence import DESCRIPTIONS, DisturbanceKind, Evidence


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, None),
        ({"waited_seconds": 0.5, "others_seconds": 0.5}, "other processes kept it waiting for 33% of its time"),
        ({"waited_seconds": 0.5, "others_seconds": 0.0}, None),  # more threads than CPUs wait for each other
        ({"waited_seconds": 0.5, "others_seconds": 0.03}, None),  # and a passing daemon does not make that its doing
        ({"waited_seconds": 0.0, "others_seconds": 0.9}, None),  # they ran beside us, on a CPU we did not want
        ({"waited_seconds": None, "others_seconds": 0.5}, "other processes took 50% of its CPUs"),
        ({"steal_seconds": 0.2}, "the hypervisor took 20% of its CPUs"),
        ({"memory_pressure_seconds": 0.2}, "memory ran short for 20% of its time"),
        ({"migrations": 500, "cpu_pressure_seconds": 0.9}, None),  # our own threads move and wait for each other too
        ({"throttled_periods": 3}, "the CPU quota stopped it 3 times"),
    ],
)
def test_the_rule_for_setting_aside(fields, said):
    found = with_disturbance(Evidence(wall_seconds=1.0, own_seconds=1.0, quantities=fields), 100).disturbance
    assert (disturbance_text(found) if found else None) == said


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
    assert evidence.disturbance.kind is DisturbanceKind.WAITING
    assert evidence.disturbance.share > 0.3


def test_the_sum_of_nothing_is_nothing_and_unknown_stays_unknown():
    assert total([]) is None
    one = Evidence(wall_seconds=1.0, own_seconds=1.0, quantities={"steal_seconds": None, "others_seconds": 0.25})
    both = total([one, one])
    assert (both.wall_seconds, both.steal_seconds, both.others_seconds) == (2.0, None, 0.5)


class Temperature(Quantity):
    """A quantity that is no sum: how warm the package is."""

    name = "temperature_celsius"
    words = "temperature"
    unit = "°C"
    now = iter([60, 70])

    def read(self, moment):
        return next(self.now)

    def between(self, first, last):
        return (first.readings[self.name] + last.readings[self.name]) / 2

    def combine(self, values, seconds):
        return sum(v * s for v, s in zip(values, seconds, strict=True)) / sum(seconds)


@pytest.fixture
def only_temperature(monkeypatch):
    monkeypatch.setattr(Quantity, "known", {Temperature.name: Temperature()})


Quantity.known.pop(Temperature.name)
DESCRIPTIONS.pop(Temperature.name)


def test_a_quantity_that_is_no_sum_is_combined_in_its_own_way(only_temperature):
    watch = Watch([0])
    first, last = watch.read(), watch.read()
    assert watch.between(first, last).temperature_celsius == 65
    parts = [Evidence(s, s, quantities={"temperature_celsius": v}) for s, v in ((1.0, 60), (3.0, 80))]
    assert total(parts).temperature_celsius == 75


def test_a_quantity_that_lacks_something_fails_when_it_is_defined():
    with pytest.raises(TypeError, match="the evidence Nameless needs `name`, `words` and `unit`"):

        class Nameless(Quantity):
            def read(self, moment):
                return 0


@pytest.mark.skipif(not os.path.exists("/proc/self/sched"), reason="this kernel does not count migrations")
def test_a_thread_that_is_moved_is_counted_as_a_migration():
    allowed = os.sched_getaffinity(0)
    if len(allowed) < 2:
        pytest.skip("one CPU: nowhere to move to")
    watch = Watch(allowed)
    first = watch.read()
    try:
        for cpu in sorted(allowed)[:2] * 3:
            os.sched_setaffinity(0, {cpu})
    finally:
        os.sched_setaffinity(0, allowed)
    assert watch.between(first, watch.read()).migrations >= 5


def test_another_process_that_works_for_us_is_ours_and_no_neighbour():
    """The other side of `--cpuperf-against` runs in a process of its own: its time is not the neighbours'."""
    other = iter([ProcessCounters(10.0, 1.0, 5, 7), ProcessCounters(10.5, 1.0, 6, 9)])
    watch = Watch([0], elsewhere=[lambda: next(other)])
    first, last = watch.read(), watch.read()
    evidence = watch.between(first, last)
    assert evidence.own_seconds >= 0.5
    assert evidence.others_seconds in (None, 0.0)


def test_stalls_are_read_from_pressure_files_and_unknown_where_there_are_none(tmp_path):
    file = tmp_path / "memory.pressure"
    file.write_text("some avg10=0.00 avg60=0.00 avg300=0.17 total=2805070\nfull avg10=0.00 total=12\n")
    assert stalled_seconds(file) == pytest.approx(2.80507)
    file.write_text("nonsense")
    assert stalled_seconds(file) is None
    assert stalled_seconds(None) is None
