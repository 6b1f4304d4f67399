"""Tests that freeze or replace the clock, and measure all the same."""

import pytest

FREEZE = {
    "by monkeypatch": """
    @pytest.fixture(autouse=True)
    def frozen(monkeypatch):
        for name in ("perf_counter", "monotonic", "time", "process_time"):
            monkeypatch.setattr(time, name, lambda: 5.0)
    """,
    # What freezegun does: it looks through the globals of all modules that are loaded.
    "by freezegun": """
    @pytest.fixture(autouse=True)
    def frozen(monkeypatch):
        real = {id(getattr(time, n)): n for n in ("perf_counter", "monotonic", "time")}
        for module in list(sys.modules.values()):
            if getattr(module, "__name__", "").startswith(("pytest_cpuperf", "time", "test_")):
                for name, value in list(vars(module).items()):
                    if id(value) in real:
                        monkeypatch.setattr(module, name, lambda: 5.0)
    """,
    "by a clock that runs backwards": """
    @pytest.fixture(autouse=True)
    def backwards(monkeypatch):
        ticks = itertools.count(1e6, -1)
        for name in ("perf_counter", "monotonic", "time"):
            monkeypatch.setattr(time, name, lambda: next(ticks))
    """,
}


@pytest.mark.parametrize("freeze", FREEZE)
def test_measurements_end_and_take_real_time_while_the_clock_is_frozen(project, freeze):
    pytester = project(
        test_frozen=f"""
    import itertools, sys, time
    import pytest
    {FREEZE[freeze]}
    def nap():
        time.sleep(0.002)

    def test_throughput(cpuperf):
        record = cpuperf.throughput(nap, items=1, at_least=1, max_seconds=1)
        assert 0.01 < record.seconds_spent < 30
        assert record.estimate is None or record.estimate.point < 600

    def test_compare(cpuperf):
        assert cpuperf.compare(nap, nap, max_seconds=0.5).seconds_spent > 0.01

    def test_latency(cpuperf):
        assert cpuperf.latency(nap, p=0.5, max_seconds=0.5).seconds_spent > 0.01
    """
    )
    arguments = ["--cpuperf", "--no-cpuperf-static", "--cpuperf-inconclusive=warn", "-Wignore", "-pno:hypothesispytest"]
    pytester.runpytest_subprocess(*arguments, timeout=60).assert_outcomes(passed=3)
