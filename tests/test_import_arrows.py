"""Who may import whom (DESIGN.md, "Who may import whom"), read off the imports themselves."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_cpuperf

PACKAGE = Path(pytest_cpuperf.__file__).parent
EVERYONE = {"results", "heuristics", "config", "errors", "registry", "__init__"}
# The arrows as drawn; what is reached by following them is allowed.
ARROWS = {
    "plugin": {"fixture", "static", "reports", "options", "session", "items", "marker"},
    "options": {"marker"},
    "session": {"fixture", "static", "reports", "items", "machine", "options", "marker", "against"},
    "items": {"static", "reports"},
    "against": {"fixture", "measure", "options"},
    "marker": {"machine"},
    "cli": {"fixture", "static", "reports"},
    "__main__": {"cli"},
    "fixture": {"proofs", "measure"},
    "proofs": {"batching", "measure"},
    "measure": {"machine"},
    "machine": set(),
    "batching": set(),
    "static": set(),
    "reports": set(),
    "results": set(),
    "heuristics": set(),
    "config": set(),
    "errors": set(),
    "registry": set(),
    "__init__": set(),
}
FRAMEWORKS = {"torch", "onnxruntime", "transformers", "numpy", "onnx", "scipy"}


def room(path):
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def reachable(start):
    seen, todo = set(), [start]
    while todo:
        for target in ARROWS[todo.pop()] - seen:
            seen.add(target)
            todo.append(target)
    return seen


def imports_of(path):
    """Yield (module, at the top level of the file) of each import; under TYPE_CHECKING counts as neither."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            child.parent = node
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{a.name}" if node.module == "pytest_cpuperf" else node.module for a in node.names]
        top, current = True, node
        while hasattr(current, "parent"):
            current = current.parent
            top &= not isinstance(current, (ast.FunctionDef, ast.AsyncFunctionDef))
            if isinstance(current, ast.If) and "TYPE_CHECKING" in ast.unparse(current.test):
                names = []
        yield from ((name, top) for name in names)


SOURCES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_imports_only_where_its_arrows_point(path):
    here = room(path)
    allowed = reachable(here) | EVERYONE | {here}
    for name, top in imports_of(path):
        parts = name.split(".")
        if parts[0] == "pytest_cpuperf" and len(parts) > 1 and not parts[1].startswith("__"):
            assert parts[1] in allowed, f"{here} must not import {parts[1]}"
        if top and parts[0] in FRAMEWORKS:
            pytest.fail(f"{path.name} imports {parts[0]} at module level: import it where it is used")
        if here in ("machine", "measure", "batching", "static", "reports", "results") and parts[0] == "pytest":
            pytest.fail(f"{here} must not know pytest")


def loaded_after(statement, *names, env=None):
    """Return which of some modules a fresh interpreter has loaded after a statement."""
    code = f"{statement}; import sys; print([n for n in {names!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    return ast.literal_eval(done.stdout.strip().splitlines()[-1])


def test_importing_the_plugin_loads_only_pytest():
    assert loaded_after("import pytest_cpuperf.plugin", "libcst", "psutil", "numpy", "torch", "rich", "pathspec") == []


def test_an_idle_run_loads_nothing_heavy(project):
    pytester = project(
        test_idle="""
        import sys
        def test_nothing_heavy(cpuperf):
            cpuperf.throughput(lambda: None, items=1)
            assert not {"libcst", "psutil", "numpy", "torch", "pathspec"} & set(sys.modules)
        """
    )
    pytester.runpytest_subprocess("-p", "no:xdist", "-p", "no:hypothesispytest").assert_outcomes(passed=1)


def test_static_checks_load_no_framework():
    statement = f"from pytest_cpuperf.cli import main; main(['check', '--isolated', {os.fspath(PACKAGE)!r}])"
    assert loaded_after(statement, *sorted(FRAMEWORKS)) == []
