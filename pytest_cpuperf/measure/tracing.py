"""Taking tracers off while functions are timed: coverage, debuggers and profilers make each line of Python slower.

Tracers are taken off and put back in one frame. A tracer counts calls and returns: one that sees the call of a context
manager's `__enter__` and not its return puts all later lines down to the wrong file, as coverage does. So the function
that is timed is called from here.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import CodeType, FunctionType
from typing import Any, ParamSpec, TypeVar

from pytest_cpuperf.machine.threads import has_run, run_seconds
from pytest_cpuperf.measure.outcome import Outcome
from pytest_cpuperf.results.measurements import Measurement
from pytest_cpuperf.results.remarks import Remark
from pytest_cpuperf.results.remarks.surroundings import Traced

P = ParamSpec("P")
T = TypeVar("T")
Noted = TypeVar("Noted", bound="Outcome | Measurement")


def untraced(measure: Callable[P, Noted]) -> Callable[P, Noted]:
    """Have a function that measures run without tracers; what could not be taken off is noted in what it returns."""

    @functools.wraps(measure)
    def measure_untraced(*args: P.args, **kwargs: P.kwargs) -> Noted:
        outcome, remarks = call_untraced(functools.partial(measure, *args, **kwargs))
        return replace(outcome, notes=(*outcome.notes, *remarks))

    return measure_untraced


def call_untraced(function: Callable[[], T]) -> tuple[T, tuple[Remark, ...]]:
    """Call a function without the tracers and profilers of this thread, of new threads and of `sys.monitoring`.

    Returns its result, and remarks on what traced it all the same. All is put back as it was, however the call ends.
    """
    tracer, profiler = sys.gettrace(), sys.getprofile()
    if tracer is not None and not callable(tracer):
        stays, tracer = tracer, None  # made in C, and only its maker can put it back
    else:
        stays = None
    threads = TracedThreads()
    profiler_on, profiler_off = _switches(profiler)
    try:
        if tracer is not None:
            sys.settrace(None)
        if profiler is not None:
            profiler_off()
        with _hooks_off(), _monitoring_off():
            result = function()
        left = stays or sys.gettrace() or sys.getprofile()
    finally:
        try:
            if profiler is not None:
                profiler_on()
        finally:
            if tracer is not None:
                sys.settrace(tracer)
    return result, _remarks(left, threads)


def remarks_on_tracing(threads: TracedThreads) -> tuple[Remark, ...]:
    """Return what is said of tracers while `call_untraced` calls: those it could not take off."""
    return _remarks(sys.gettrace() or sys.getprofile(), threads)


def _remarks(left: Any, threads: TracedThreads) -> tuple[Remark, ...]:
    ran = threads.ran()
    return (Traced(None if left is None else _name(left), ran),) if left is not None or ran else ()


def _switches(profiler: Any) -> tuple[Callable[[], object], Callable[[], object]]:
    """Return what puts a profiler on and what takes it off. cProfile's, up to Python 3.11, does so by methods alone."""
    if profiler is None or callable(profiler):
        return functools.partial(sys.setprofile, profiler), functools.partial(sys.setprofile, None)
    return profiler.enable, profiler.disable


@contextlib.contextmanager
def _hooks_off() -> Iterator[None]:
    """Have threads that are started meanwhile begin without a tracer."""
    trace, profile = threading.gettrace(), threading.getprofile()
    try:
        threading.settrace(None)
        threading.setprofile(None)
        yield
    finally:
        threading.settrace(trace)
        threading.setprofile(profile)


@contextlib.contextmanager
def _monitoring_off() -> Iterator[None]:
    """Switch off the events of all tools of `sys.monitoring`: coverage and cProfile use it, from Python 3.12 on."""
    if sys.version_info < (3, 12):
        yield
        return
    monitoring = sys.monitoring
    tools = [tool for tool in range(6) if monitoring.get_tool(tool) is not None]
    everywhere = [(tool, events) for tool in tools if (events := monitoring.get_events(tool))]
    in_code = [
        (tool, code, events)
        for code in (_code_objects() if tools else ())
        for tool in tools
        if (events := monitoring.get_local_events(tool, code))
    ]
    try:
        for tool, _ in everywhere:
            monitoring.set_events(tool, 0)
        for tool, code, _ in in_code:
            monitoring.set_local_events(tool, code, 0)
        yield
    finally:
        for tool, code, events in in_code:
            monitoring.set_local_events(tool, code, events)
        for tool, events in everywhere:
            monitoring.set_events(tool, events)


def _code_objects() -> list[CodeType]:
    """Return the code of all functions, those defined inside others among them."""
    # By identity: code objects with equal contents are equal, and hashing them takes long.
    found: dict[int, CodeType] = {}
    pending = [thing.__code__ for thing in gc.get_objects() if type(thing) is FunctionType]
    while pending:
        code = pending.pop()
        if id(code) not in found:
            found[id(code)] = code
            pending += [inner for inner in code.co_consts if isinstance(inner, CodeType)]
    return list(found.values())


class TracedThreads:
    """The other threads that have, or may have, a tracer: nobody can take one off a thread that runs, and put it back
    exactly, but the thread itself.
    """

    def __init__(self) -> None:
        hooked = threading.gettrace() is not None or threading.getprofile() is not None
        frames = sys._current_frames()
        self._seconds: dict[threading.Thread, float | None] = {}
        for thread in threading.enumerate():
            # The hooks are for threads that Python starts.
            by_hook = hooked and not isinstance(thread, threading._DummyThread)
            if thread is not threading.current_thread() and (by_hook or _is_traced(frames.get(thread.ident or 0))):
                self._seconds[thread] = run_seconds(thread.native_id)

    def ran(self) -> tuple[str, ...]:
        """Return the names of those that ran since."""
        return tuple(t.name for t, before in self._seconds.items() if has_run(before, run_seconds(t.native_id)))


def _is_traced(frame: Any) -> bool:
    """Return whether some frame of a thread has a trace function."""
    while frame is not None:
        if frame.f_trace is not None:
            return True
        frame = frame.f_back
    return False


def _name(tracer: Any) -> str:
    """Return what a tracer is called: its module and its own name."""
    kind = tracer if hasattr(tracer, "__qualname__") else type(tracer)
    return f"{kind.__module__}.{kind.__qualname__}"
