"""Functions that return before their work is done: what they return is refused, or said."""

import pytest

SOURCE = """
import asyncio, concurrent.futures, itertools, multiprocessing.pool, types

POOL = concurrent.futures.ThreadPoolExecutor(1)

def generator():
    yield 1

async def asynchronous():
    return 1

async def async_generator():
    yield 1

@types.coroutine
def old_style():
    yield

class Awaitable:
    def __await__(self):
        yield

class Callable:
    async def __call__(self):
        return 1

async def task():
    return asyncio.get_running_loop().create_future()

def pooled():
    with multiprocessing.pool.ThreadPool(1) as pool:
        return pool.apply_async(int)

def test_it(cpuperf):
    cpuperf.throughput({}, items=1, max_seconds=0.2)
"""
REFUSED = {
    "generator": "a generator that nobody runs through",
    "lambda: (n for n in [1])": "a generator that nobody runs through",
    "async_generator": "an async generator that nobody runs through",
    "lambda: asynchronous()": "a coroutine that nobody awaits",
    "Callable()": "a coroutine that nobody awaits",
    "lambda: Awaitable()": "an awaitable that nobody awaits",
    "task": "a future that nobody waits for",
    "lambda: POOL.submit(int)": "a future that nobody waits for",
    "pooled": "a future that nobody waits for",
    "lambda: [POOL.submit(int)]": "a list with a future that nobody waits for",
    "lambda: {1: generator()}": "a dict with a generator that nobody runs through",
    "lambda: (1, asynchronous())": "a tuple with a coroutine that nobody awaits",
}


def run(project, function, *arguments):
    pytester = project(test_it=SOURCE.format(function))
    quiet = "-Wignore::pytest.PytestAssertRewriteWarning"  # that some test before this one had imported the plugin
    return pytester.runpytest_inprocess(
        "-Werror", quiet, "-pno:cacheprovider", "--cpuperf-inconclusive=warn", *arguments
    )


@pytest.mark.parametrize("function", REFUSED)
def test_what_returns_before_its_work_is_done_is_refused_with_or_without_measuring(project, function):
    result = run(project, function)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"E *UsageError: the function returns {REFUSED[function]}: *"])


def test_in_compare_and_latency_too(project):
    pytester = project(
        test_it="""
        def f():
            yield
        def test_compare(cpuperf):
            cpuperf.compare(int, f)
        def test_latency(cpuperf):
            cpuperf.latency(f)
        """
    )
    result = pytester.runpytest_inprocess("-pno:cacheprovider")
    result.assert_outcomes(failed=2)
    assert str(result.stdout).count("UsageError: the function returns a generator") >= 2


@pytest.mark.parametrize("function", ["lambda: map(int, [1])", "lambda: itertools.chain([1])", "lambda: zip([1])"])
def test_a_lazy_result_is_noted(project, function):
    pytester = project(test_it=SOURCE.format(function))
    arguments = ["--cpuperf", "--no-cpuperf-static", "--cpuperf-inconclusive=warn", "-Wignore", "-v"]
    result = pytester.runpytest_subprocess(*arguments)
    result.assert_outcomes(passed=1)
    assert "whose work may be done only when" in " ".join(str(result.stdout).split())


@pytest.mark.parametrize(
    "function",
    [
        "int",
        "lambda: [1, {'a': (1, 2)}]",
        "asynchronous",
        "lambda: open(__file__).close()",
        "lambda: __import__('unittest.mock').mock.MagicMock()",
    ],
)
def test_other_results_are_measured(project, function):
    run(project, function).assert_outcomes(passed=1)
