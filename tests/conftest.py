import contextlib
import importlib
import os
import pathlib
import textwrap

import pytest

from pytest_cpuperf.cli import main

# Loaded before any test: a run of pytest inside this process forgets what it was the first to import, and these cannot
# be loaded twice, or make classes that are two classes then.
for name in ("libcst", "numpy", "torch", "onnxruntime", "scipy.stats"):
    with contextlib.suppress(ImportError):
        importlib.import_module(name)

pytest_plugins = ["pytester"]

# Before anything reads it: no test downloads, and a model hub is never asked.
os.environ["HF_HUB_OFFLINE"] = "1"

# Rooms and files whose tests time real work. A neighbour can take the CPUs from one of them for long enough that the
# verdict it expects cannot be reached; one that fails three times fails.
TIMED = ("batching", "e2e", "measure", "run", "test_prove.py")


def pytest_collection_modifyitems(items):
    here = pathlib.Path(__file__).parent
    for item in items:
        if {item.path.name, item.path.parent.name} & set(TIMED) and here in item.path.parents:
            item.add_marker(pytest.mark.flaky(reruns=2, reruns_delay=5))


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Keep the developer's own cache out of tests: what a calibration found on this machine would be told in them."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def project(pytester, monkeypatch):
    """Make a tiny project from file names and sources."""
    monkeypatch.chdir(pytester.path)
    # No project here has property tests, and loading hypothesis takes as long as all the rest of a start.
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest")
    (pytester.path / "pyproject.toml").write_text("[tool.cpuperf]\n")

    def make(**files):
        for name, text in files.items():
            path = pytester.path / name.replace("__", "/")
            path = path if path.suffix else path.with_suffix(".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        return pytester

    return make


@pytest.fixture
def cpuperf_command(capsys):
    """Run the `cpuperf` command in this process: returns (exit code, standard output, standard error)."""

    def run(*args):
        code = main([str(a) for a in args])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def machine(tmp_path):
    """Write an invented machine: files by path, as /sys and /proc show them. Returns its root."""

    def make(files, root="machine"):
        for name, text in files.items():
            path = tmp_path / root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path / root

    return make
