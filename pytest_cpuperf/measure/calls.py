"""What a test hands over to be measured: called in a loop, and checked to do its work when it is called."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable, Iterator
from io import IOBase
from itertools import islice
from typing import Any

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.results.remarks.measuring import LazyResult

_PARTS_LOOKED_AT = 100


def plain_function(name: str, value: Any, loops: list[asyncio.AbstractEventLoop]) -> Callable[[], object]:
    """Return a function that can be called in a loop; a coroutine function gets an event loop, put into `loops`.

    Raises UsageError where it is no function, or the test runs inside an event loop.
    """
    if not callable(value):
        raise UsageError(f"{name} takes a function to call, found {value!r}: wrap the call in a lambda")
    if not inspect.iscoroutinefunction(value):
        return value  # type: ignore[no-any-return]
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        loop = asyncio.new_event_loop()
        loops.append(loop)
        return lambda: loop.run_until_complete(value())
    raise UsageError(
        f"{name} is async and this test runs inside an event loop, which cannot be entered again: "
        "measure it from a test that is not async"
    )


def call_once(function: Callable[[], object]) -> tuple[LazyResult, ...]:
    """Call a function, as every test does whether it measures or not, and look at what it returns.

    Returns a remark where the result looks as if it was not worked out yet. Raises UsageError where its work is surely
    still to be done: a generator, a coroutine, a future, or a collection of them.
    """
    result = function()
    for value in (result, *_parts(result)):
        unrun = _unrun(value)
        if unrun is not None:
            what, instead = unrun
            _close((result, *_parts(result)))
            within = "" if value is result else f"a {type(result).__name__} with "
            raise UsageError(f"the function returns {within}{what}: {instead}")
    return (LazyResult(type(result).__qualname__),) if _is_lazy(result) else ()


def _parts(result: object) -> Iterator[object]:
    """Yield what a collection holds, of a long one the beginning."""
    parts: Iterable[object] = ()
    if isinstance(result, (list, tuple, set, frozenset)):
        parts = result
    elif isinstance(result, dict):
        parts = result.values()
    return islice(iter(parts), _PARTS_LOOKED_AT)


def _unrun(value: object) -> tuple[str, str] | None:
    """Return what a value is and what to do, where its work is not done; None for all else."""
    if inspect.isgenerator(value):
        return (
            "a generator that nobody runs through",
            "measure a function that runs through it, such as lambda: list(f())",
        )
    if inspect.isasyncgen(value):
        return "an async generator that nobody runs through", "measure an async function that runs through it"
    if _has_methods(value, "add_done_callback", "done") or _has_methods(value, "ready", "wait", "get"):
        return "a future that nobody waits for", "measure a function that waits for its result"
    if inspect.iscoroutine(value):
        return "a coroutine that nobody awaits", "give the async function itself"
    if inspect.isawaitable(value):
        return "an awaitable that nobody awaits", "measure an async function that awaits it"
    return None


def _close(values: Iterable[object]) -> None:
    """Close coroutines that will not be awaited, which warn otherwise."""
    for value in values:
        if inspect.iscoroutine(value):
            value.close()


def _is_lazy(result: object) -> bool:
    """Return whether a result looks as if it was worked out only when somebody asks for it."""
    kind = type(result)
    if isinstance(result, Iterator):
        return not isinstance(result, IOBase)
    device = getattr(getattr(result, "device", None), "type", "cpu")
    return (
        "Lazy" in kind.__name__  # polars, torch
        or kind.__module__.startswith("pyspark.")
        or hasattr(kind, "__dask_graph__")
        or hasattr(kind, "block_until_ready")  # jax
        or (isinstance(device, str) and device != "cpu")  # torch elsewhere: only the launch is timed
    )


def _has_methods(value: object, *names: str) -> bool:
    # Of the class, so that objects that answer to any name (mocks) are not taken for futures.
    return all(callable(getattr(type(value), name, None)) for name in names)
