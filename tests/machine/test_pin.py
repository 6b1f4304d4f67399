"""Real pins on this machine: every thread moved, read back, and given back."""

import os
import sys
import threading
from contextlib import contextmanager

import pytest

from pytest_cpuperf.machine.pin import Pin, can_pin

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="needs Linux and two CPUs"
)


@contextmanager
def sleeping_thread():
    """Run a thread that exists while pins come and go; yields its kernel id."""
    ready, done = threading.Event(), threading.Event()
    ids = []

    def sleep():
        ids.append(threading.get_native_id())
        ready.set()
        done.wait()

    thread = threading.Thread(target=sleep)
    thread.start()
    ready.wait()
    try:
        yield ids[0]
    finally:
        done.set()
        thread.join()


def test_threads_that_exist_are_moved_and_given_back():
    before = os.sched_getaffinity(0)
    cpu = max(before)
    with sleeping_thread() as thread:
        os.sched_setaffinity(thread, {min(before)})
        pin = Pin.apply({cpu})
        assert os.sched_getaffinity(thread) == os.sched_getaffinity(0) == {cpu}
        assert pin.strays() == ()
        pin.restore()
        assert os.sched_getaffinity(thread) == {min(before)}
    assert os.sched_getaffinity(0) == before


def test_a_thread_born_under_the_pin_inherits_it_and_is_freed_with_it():
    before = os.sched_getaffinity(0)
    pin = Pin.apply({min(before)})
    with sleeping_thread() as thread:
        assert os.sched_getaffinity(thread) == {min(before)}
        pin.restore()
        assert os.sched_getaffinity(thread) == before


def test_a_thread_that_leaves_is_named():
    before = os.sched_getaffinity(0)
    pin = Pin.apply({min(before)})
    try:
        with sleeping_thread() as thread:
            os.sched_setaffinity(thread, before)
            (stray,) = pin.strays()
            assert f"({thread}): " in str(stray)
    finally:
        pin.restore()


def test_torch_and_its_openmp_workers_are_pinned_too():
    torch = pytest.importorskip("torch")
    before, threads = os.sched_getaffinity(0), torch.get_num_threads()
    torch.ones(512, 512) @ torch.ones(512, 512)  # starts the pool
    pin = Pin.apply({min(before)})
    assert torch.get_num_threads() == 1
    assert pin.strays() == ()
    pin.restore()
    assert torch.get_num_threads() == threads
    assert os.sched_getaffinity(0) == before


def test_a_cpu_that_is_not_there_is_refused_and_nothing_moves():
    before = os.sched_getaffinity(0)
    with pytest.raises(OSError):
        Pin.apply({4000})
    assert os.sched_getaffinity(0) == before


def test_this_machine_can_pin():
    assert can_pin() is None
