"""Tracers are taken off while functions are timed, and put back exactly."""

import cProfile
import functools
import queue
import sys
import threading

import pytest

from pytest_cpuperf.measure.pairs import Quantity, measure_pairs, speedup
from pytest_cpuperf.measure.sequential import Patience
from pytest_cpuperf.measure.tracing import call_untraced
from pytest_cpuperf.reports.sentences import sentence
from pytest_cpuperf.results.remarks.surroundings import Traced
from pytest_cpuperf.results.units import Unit

sysmon = pytest.mark.skipif(sys.version_info < (3, 12), reason="Python has sys.monitoring from 3.12 on")


def tracer(frame, event, arg):
    return tracer


def profiler(frame, event, arg):
    pass


@pytest.fixture
def traced():
    """Put a tracer and a profiler on this thread and on those that are started."""
    before = sys.gettrace(), sys.getprofile(), threading.gettrace(), threading.getprofile()
    threading.settrace(tracer)
    threading.setprofile(profiler)
    sys.setprofile(profiler)
    sys.settrace(tracer)
    yield
    sys.settrace(before[0])
    sys.setprofile(before[1])
    threading.settrace(before[2])
    threading.setprofile(before[3])


def seen():
    """Return what traces this thread, and a thread that is started now."""
    found = []
    thread = threading.Thread(target=lambda: found.append((sys.gettrace(), sys.getprofile())))
    thread.start()
    thread.join()
    return [(sys.gettrace(), sys.getprofile()), *found]


@pytest.mark.usefixtures("traced")
def test_nothing_is_traced_meanwhile_and_all_is_afterwards():
    assert call_untraced(seen) == ([(None, None), (None, None)], ())
    assert seen() == [(tracer, profiler), (tracer, profiler)]


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_tracers_are_back_after_whatever_is_raised(error):
    def fails():
        raise error

    with pytest.raises(error):
        call_untraced(fails)
    assert seen() == [(tracer, profiler), (tracer, profiler)]


@pytest.mark.usefixtures("traced")
def test_a_tracer_that_counts_calls_and_returns_is_not_led_astray():
    depths = []
    stack = []

    def counting(frame, event, arg):
        if event == "call":
            stack.append(frame.f_code)
        elif event == "return":
            assert stack.pop() is frame.f_code
        return counting

    def outer():
        call_untraced(lambda: sum(range(9)))
        depths.append(list(stack))

    sys.settrace(counting)
    try:
        outer()
    finally:
        sys.settrace(None)
    assert depths == [[outer.__code__]]


def test_blocks_of_a_measurement_run_without_a_tracer():
    tracers = []

    def work():
        tracers.append(sys.gettrace())

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        outcome = measure_pairs(work, work, Quantity(speedup, Unit("×"), None), Patience(0.5, 0.95), ())
        after = sys.gettrace()
    finally:
        sys.settrace(before)
    assert set(tracers) == {None}
    assert after is tracer
    assert outcome.notes == ()


def test_cprofile_goes_on_afterwards_and_saw_nothing_meanwhile():
    def hidden():
        sorted([])

    def shown():
        sorted([])

    profile = cProfile.Profile()
    profile.enable()
    call_untraced(hidden)
    shown()
    profile.disable()
    names = {getattr(entry.code, "co_name", None) for entry in profile.getstats()}
    assert "shown" in names
    assert "hidden" not in names


def test_a_tracer_that_the_function_puts_on_itself_is_noted():
    before = sys.gettrace()
    try:
        _, remarks = call_untraced(functools.partial(sys.settrace, tracer))
    finally:
        sys.settrace(before)
    assert remarks == (Traced(f"{__name__}.tracer", ()),)
    assert sentence(remarks[0]).startswith("a tracer was on while it was timed")


def pool(busy):
    """Start a thread that runs or waits when told, and return it with what tells it."""
    told, done = queue.Queue(), queue.Queue()

    def loop():
        while told.get():
            if busy:
                sum(range(1_000_000))
            done.put(True)

    thread = threading.Thread(target=loop, name="worker")
    thread.start()
    return thread, told, done


@pytest.mark.parametrize(("busy", "names"), [(True, ("worker",)), (False, ())])
def test_a_thread_that_has_a_tracer_already_and_runs_is_noted(busy, names):
    before = threading.gettrace()
    threading.settrace(tracer)
    thread, told, done = pool(busy)
    threading.settrace(before)

    def work():
        told.put(True)
        done.get()

    try:
        _, remarks = call_untraced(work)
    finally:
        told.put(None)
        thread.join()
    assert remarks == ((Traced(None, names),) if names else ())
    if remarks:
        assert "cannot be taken off threads that run already (worker)" in sentence(remarks[0])


def test_threads_without_a_tracer_are_not_noted():
    thread, told, done = pool(busy=True)

    def work():
        told.put(True)
        done.get()

    try:
        assert call_untraced(work) == (None, ())
    finally:
        told.put(None)
        thread.join()


@sysmon
@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_events_of_sys_monitoring_are_off_meanwhile_and_on_again_afterwards(error):
    monitoring = sys.monitoring
    events, lines = monitoring.events, []

    def inner():
        lines.append("ran")

    def work():
        inner()
        if error:
            raise error

    tool = 3
    monitoring.use_tool_id(tool, "test")
    heard = []
    try:
        monitoring.register_callback(tool, events.LINE, lambda code, line: heard.append(code.co_name))
        monitoring.register_callback(tool, events.PY_START, lambda code, offset: heard.append(code.co_name))
        monitoring.set_local_events(tool, inner.__code__, events.LINE)
        monitoring.set_events(tool, events.PY_START)
        if error:
            with pytest.raises(error):
                call_untraced(work)
        else:
            call_untraced(work)
        assert lines == ["ran"]
        assert "inner" not in heard
        assert monitoring.get_local_events(tool, inner.__code__) == events.LINE
        assert monitoring.get_events(tool) == events.PY_START
        inner()
        assert heard.count("inner") == 2, "its start and its line"
    finally:
        monitoring.set_events(tool, 0)
        monitoring.set_local_events(tool, inner.__code__, 0)
        monitoring.free_tool_id(tool)
