"""Who may import whom (`docs/architecture.md`, "Who may import whom"), read off the imports themselves."""

import ast
import graphlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_cpuperf

PACKAGE = Path(pytest_cpuperf.__file__).parent
EVERYONE = {"results", "errors", "clock", "system"}
# The arrows as drawn: direct imports, those for type checking included.
ARROWS = {
    "__main__": {"cli"},
    "plugin": {"run", "settings", "marker", "fixture"},
    "cli": {"proofs", "servers", "static", "reports", "settings", "registry", "measure", "machine", "calibration"},
    "run": {"fixture", "marker", "static", "reports", "settings", "measure", "machine"},
    "marker": {"machine"},
    "fixture": {"proofs", "measure"},
    "proofs": {"batching", "measure", "machine", "heuristics", "registry"},
    "servers": {"machine", "static"},
    "calibration": {"measure"},
    "measure": {"machine"},
    "machine": set(),
    "batching": set(),
    "static": {"settings", "heuristics", "registry"},
    "reports": set(),
    "results": set(),
    "settings": set(),
    "heuristics": set(),
    "registry": set(),
    "errors": set(),
    "clock": set(),
    "system": set(),
}
FRAMEWORKS = {"torch", "onnxruntime", "transformers", "numpy", "onnx", "scipy"}
MAY_KNOW_PYTEST = {"plugin.py", "marker.py", "settings/pytest_options.py"}
MOST_LINES, MOST_METHODS = 350, 15


def name_of(path):
    return path.relative_to(PACKAGE).as_posix()


def imports_of(path):
    """Yield (module, at the top level of the file) of each import of a file."""
    inside_functions = set()
    tree = ast.parse(path.read_text())
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inside_functions |= set(ast.walk(function))
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{a.name}" for a in node.names]
        yield from ((name, node not in inside_functions) for name in names)


SOURCES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_room_imports_only_where_its_arrows_point(path):
    room = name_of(path).split("/")[0].removesuffix(".py")
    for name, at_top in imports_of(path):
        first, *rest = name.split(".")
        if first == "pytest_cpuperf" and rest[0] not in (room, "__version__") and room != "__init__":
            assert rest[0] in ARROWS[room] | EVERYONE, f"{room} must not import {rest[0]}"
        if at_top and first in FRAMEWORKS:
            pytest.fail(f"{path.name} imports {first} at module level: import it where it is used")
        if first == "pytest" and room != "run" and name_of(path) not in MAY_KNOW_PYTEST:
            pytest.fail(f"{name_of(path)} must not know pytest")


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_only_the_clock_reads_time(path):
    """A test may freeze `time`; what is measured by `clock` goes on."""
    reads = {name.split(".")[0] for name, _ in imports_of(path)} & {"time", "datetime", "timeit"}
    assert not reads or name_of(path) == "clock.py"


def test_no_files_import_each_other_in_a_circle():
    modules = {f"pytest_cpuperf.{name_of(p)[:-3].replace('/', '.')}".removesuffix(".__init__"): p for p in SOURCES}
    graph = {}
    for module, path in modules.items():
        found = set()
        for name, at_top in imports_of(path):
            if at_top:
                found.add(name if name in modules else name.rpartition(".")[0])
        graph[module] = found & modules.keys() - {module}
    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_files_and_classes_stay_small(path):
    text = path.read_text()
    assert len(text.splitlines()) <= MOST_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            methods = [n for n in node.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
            assert len(methods) <= MOST_METHODS, f"{node.name} has {len(methods)} methods"


def loaded_after(statement, *names, env=None):
    """Return which of some modules a fresh interpreter has loaded after a statement."""
    code = f"{statement}; import sys; print([n for n in {names!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    return ast.literal_eval(done.stdout.strip().splitlines()[-1])


def test_importing_the_plugin_loads_only_pytest():
    assert loaded_after("import pytest_cpuperf.plugin", "libcst", "psutil", "numpy", "torch", "rich") == []


def test_an_idle_run_loads_nothing_heavy(project):
    pytester = project(
        test_idle="""
        import sys
        def test_nothing_heavy(cpuperf):
            cpuperf.throughput(lambda: None, items=1)
            assert not {"libcst", "psutil", "numpy", "torch"} & set(sys.modules)
        """
    )
    pytester.runpytest_subprocess("-p", "no:xdist", "-p", "no:hypothesispytest").assert_outcomes(passed=1)


def test_static_checks_load_no_framework():
    statement = f"from pytest_cpuperf.cli import main; main(['check', '--isolated', {os.fspath(PACKAGE)!r}])"
    assert loaded_after(statement, *sorted(FRAMEWORKS)) == []
