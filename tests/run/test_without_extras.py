"""The light install: torch and its kin are not there."""

import subprocess
import sys

# Found on the path before anything else, and makes the frameworks look absent.
HIDE = """
from importlib.machinery import PathFinder
find = PathFinder.find_spec
absent = {"torch", "onnxruntime", "transformers", "numpy"}
PathFinder.find_spec = classmethod(lambda cls, n, *rest: None if n.split(".")[0] in absent else find(n, *rest))
"""


def test_check_works_without_torch(project):
    pytester = project(
        sitecustomize=HIDE,
        handler="import torch\ndef f(model, x):\n    with torch.no_grad():\n        return model(x).item()\n",
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest_cpuperf", "check", "handler.py"],
        cwd=pytester.path, env={"PYTHONPATH": str(pytester.path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "")
    assert "CPU101" in done.stdout


def test_what_needs_an_extra_says_which(project, monkeypatch):
    pytester = project(
        sitecustomize=HIDE,
        test_it="""
        def test_it(cpuperf):
            cpuperf.bucketing(lambda batch: batch, object(), ["a", "b"])
        """,
    )
    monkeypatch.setenv("PYTHONPATH", str(pytester.path))
    result = pytester.runpytest_subprocess("--cpuperf")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *cpuperf.bucketing needs numpy*pip install 'pytest-cpuperf[[]transformers[]]'*"])


def test_throughput_is_measured_without_any_framework(project, monkeypatch):
    pytester = project(
        sitecustomize=HIDE,
        test_it="""
        def test_it(cpuperf):
            record = cpuperf.throughput(lambda: sum(range(9999)), items=1, at_least=1, max_seconds=6)
            assert record.reference == "sha256 of 1 MiB"
        """,
    )
    monkeypatch.setenv("PYTHONPATH", str(pytester.path))
    pytester.runpytest_subprocess("--cpuperf").assert_outcomes(passed=1)
