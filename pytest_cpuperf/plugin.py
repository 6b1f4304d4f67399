"""What pytest loads: declares options, marker and fixture, and registers the parts of a run where `--cpuperf` asks.

Importing this file imports the standard library and pytest alone; the rest follows in a run that measures.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

from pytest_cpuperf.settings import pytest_options

if TYPE_CHECKING:
    from pytest_cpuperf.fixture import CpuPerf

_MARKER_HELP = (
    "cpuperf(cores=None, smt='avoid', node='one', kind='performance', max_seconds=20, confidence=0.95): "
    "where a test is pinned under --cpuperf, and how long and how surely it measures"
)
_OUTCOMES = "cpuperf-outcomes"
"""The part of a run that makes fixtures."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options and their ini twins."""
    pytest_options.declare(parser)


def pytest_load_initial_conftests(args: list[str]) -> None:
    """Name the nearest option where one that starts with --cpuperf is unknown."""
    pytest_options.reject_unknown(args)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and, with --cpuperf, the parts of a run."""
    config.addinivalue_line("markers", _MARKER_HELP)
    pytest_options.reject_unknown_ini(config)
    if pytest_options.enabled(config):
        _register_run(config)


def _register_run(config: pytest.Config) -> None:
    # Deferred: only a run that measures pays for it.
    from pytest_cpuperf.run.against import Against
    from pytest_cpuperf.run.outcomes import Outcomes
    from pytest_cpuperf.run.placing import Placing
    from pytest_cpuperf.run.processes import Processes
    from pytest_cpuperf.run.state import Run
    from pytest_cpuperf.run.static_items import StaticChecks
    from pytest_cpuperf.run.stored import StoredRuns
    from pytest_cpuperf.run.workers import Workers
    from pytest_cpuperf.run.writing import Writing

    run = Run(pytest_options.read(config), config)
    stored = StoredRuns(run)
    parts = {
        "cpuperf-writing": Writing(run, stored),
        _OUTCOMES: Outcomes(run, stored),
        "cpuperf-static": StaticChecks(run),
        "cpuperf-workers": Workers(run),
        "cpuperf-placing": Placing(run),
        Processes.name: Processes(run),
    }
    if run.settings.against is not None:
        # Last: its wrapper is around the others', so that the other process starts before this one is pinned, and it
        # learns which tests there are before any is left out.
        parts[Against.name] = Against(run, run.settings.against)
    for name, part in parts.items():
        config.pluginmanager.register(part, name)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Without --cpuperf, refuse a marker that says what it cannot all the same."""
    if item.get_closest_marker("cpuperf") and not item.config.pluginmanager.has_plugin(_OUTCOMES):
        from pytest_cpuperf.marker import marker_of  # deferred: only for tests that carry the marker

        marker_of(item)


@pytest.fixture
def cpuperf(request: pytest.FixtureRequest) -> Generator[CpuPerf, None, None]:
    """Measure what a test runs: throughput, compare, bucketing; see `pytest_cpuperf.fixture.CpuPerf`."""
    manager = request.config.pluginmanager
    maker = manager.get_plugin(_OUTCOMES) or manager.get_plugin(pytest_options.OTHER_SIDE)
    if maker:
        measuring: CpuPerf = maker.fixture(request.node)
    else:
        from pytest_cpuperf.fixture import CpuPerf  # deferred: most sessions have no test that asks for it

        measuring = CpuPerf(placement=None)
    yield measuring
    measuring.close()
