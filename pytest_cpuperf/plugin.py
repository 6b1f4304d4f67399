"""pytest's hooks: reads options and hands over. Decides nothing, measures nothing.

Importing this file imports the standard library and pytest alone; the rest follows where `--cpuperf` asks for it.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_cpuperf import options

if TYPE_CHECKING:
    from pytest_cpuperf.fixture import CpuPerf
    from pytest_cpuperf.session import Session

_SESSION = pytest.StashKey["Session"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options and their ini twins."""
    options.declare(parser)


def pytest_load_initial_conftests(args: list[str]) -> None:
    """Name the nearest option where one that starts with --cpuperf is unknown."""
    options.reject_unknown(args)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and, with --cpuperf, build the session that everything else is handed to."""
    config.addinivalue_line("markers", options.MARKER_HELP)
    options.reject_unknown_ini(config)
    if options.enabled(config):
        from pytest_cpuperf.session import Session  # deferred: only a run that measures pays for it

        session = Session(options.read(config), config)
        config.stash[_SESSION] = session
        config.pluginmanager.register(_Gathering(session), "cpuperf-gathering")


def pytest_report_header(config: pytest.Config) -> list[str] | None:
    """Say where tests will run, and what they are held against."""
    session = _session(config)
    return session.header() if session else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add static findings as tests, before -k, -m and --deselect choose."""
    state = _session(config)
    if state:
        state.collected(session, items)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Hand over which tests were chosen."""
    state = _session(session.config)
    if state:
        state.chosen(session.items)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Pin the test, fixtures included, and put everything back however it ends."""
    state = _session(item.config)
    if state is None:
        return (yield)
    with state.placed(item):
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a marker that says what it cannot; skip a test this machine cannot place."""
    state = _session(item.config)
    if state:
        state.before(item)
    elif item.get_closest_marker("cpuperf"):
        options.marker(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """After a test that passed: tell what was inconclusive in it."""
    result = yield
    state = _session(item.config)
    if state:
        state.after(item)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the test's record on its last report, as plain data, so that it travels from xdist's workers too."""
    report = yield
    state = _session(item.config)
    if state:
        state.reported(item, report)
    return report


@pytest.fixture
def cpuperf(request: pytest.FixtureRequest) -> Generator[CpuPerf, None, None]:
    """Measure what a test runs: throughput, compare, bucketing; see `pytest_cpuperf.fixture.CpuPerf`."""
    state = _session(request.config) or request.config.pluginmanager.get_plugin(options.OTHER_SIDE)
    if state:
        measuring = state.fixture(request.node)
    else:
        from pytest_cpuperf.fixture import CpuPerf  # deferred: most sessions have no test that asks for it

        measuring = CpuPerf(placement=None)
    yield measuring
    measuring.close()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what was asked for."""
    state = _session(session.config)
    if state:
        state.finish(session)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Tell what was measured and found."""
    state = _session(config)
    if state:
        state.summarise(terminalreporter)


class _Gathering:
    """The hooks through which records come together; pytest does not hand them the configuration."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take a test's record off its report."""
        self._session.gather(report)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give an xdist worker its part of the machine."""
        self._session.worker_starts(node)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take what an xdist worker left when it ended."""
        self._session.worker_ends(node)


def _session(config: pytest.Config) -> Session | None:
    return config.stash.get(_SESSION, None)
