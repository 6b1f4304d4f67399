"""What comes from outside is data; what is written goes where it was asked to, and nowhere else."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_cpuperf
from pytest_cpuperf.reports.files import write_run
from tests.helpers.runs import run_result

PACKAGE = Path(pytest_cpuperf.__file__).parent
GUARDED = "import torch\ndef handle(model, x):\n    with torch.no_grad():\n        return model(x).tolist()\n"
MEASURED = (
    "def test_it(cpuperf):\n    cpuperf.throughput(lambda: sum(range(999)), items=1, at_least=1, max_seconds=2)\n"
)


def test_nothing_in_the_package_turns_data_into_code():
    forbidden_modules = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert not forbidden_modules & {a.name.split(".")[0] for a in node.names}, file
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in forbidden_modules, file
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in ("eval", "exec", "compile", "__import__", "os.system", "os.popen"), file
                assert called not in ("yaml.load", "yaml.unsafe_load", "yaml.full_load", "torch.load"), file
                assert not any(k.arg == "shell" for k in node.keywords), file
            if isinstance(node, ast.Attribute) and ast.unparse(node).startswith("yaml.") and "oader" in node.attr:
                assert node.attr == "SafeLoader", file


def test_yaml_that_asks_to_be_run_is_not(project, cpuperf_command):
    pytester = project()
    (pytester.path / "model-config.yaml").write_text(
        'minWorkers: !!python/object/apply:os.system ["touch owned"]\nmaxWorkers: 2\nbatchSize: 4\n'
    )
    code, out, err = cpuperf_command("check", "--select", "CPU402")
    assert not (pytester.path / "owned").exists()
    assert "Traceback" not in out + err
    assert code in (1, 2)
    assert "model-config.yaml" in out + err


def written(folder):
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def run(folder, *command, **variables):
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **variables}
    return subprocess.run([sys.executable, "-m", *command], cwd=folder, env=environment, capture_output=True, text=True)


def test_only_the_named_files_and_the_cache_are_written(tmp_path):
    home, work, temporary = (tmp_path / name for name in ("home", "work", "temporary"))
    for folder in (home, work, temporary):
        folder.mkdir()
    (work / "pyproject.toml").write_text("[tool.cpuperf]\n")
    (work / "handler.py").write_text(GUARDED)
    (work / "test_it.py").write_text(MEASURED)
    before = written(work)
    own = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "TMPDIR": str(temporary)}
    run(
        work, "pytest", "-p", "no:cacheprovider", "--cpuperf", "--cpuperf-json=out/a.json", "--cpuperf-save=main", **own
    )
    assert written(work) - before == {"out/a.json"}
    run(work, "pytest_cpuperf", "check", "--output-file=found.txt", **own)
    assert written(work) - before == {"out/a.json", "found.txt"}
    assert {Path(name).parts[0] for name in written(home)} == {"cache"}
    assert {Path(name).parts[1] for name in written(home)} <= {"pytest-cpuperf", "cpuperf"}
    assert written(temporary) == set()


def test_paths_in_what_is_written_are_the_projects_own(project):
    pytest.importorskip("matplotlib")
    pytester = project(service__handler=GUARDED, tests__test_it=MEASURED)
    pytester.runpytest_subprocess("--cpuperf", "--cpuperf-json=a.json", "--cpuperf-html=a.html", "--junitxml=a.xml")
    for kind in ("sarif", "gitlab", "json", "junit", "github"):
        run(pytester.path, "pytest_cpuperf", "check", f"--format={kind}", f"--output-file=found.{kind}")
    for suffix in ("md", "txt"):
        run(pytester.path, "pytest_cpuperf", "report", "a.json", "-o", f"out.{suffix}")
    names = ["a.json", "a.html", "out.md", "out.txt", *(f"found.{k}" for k in ("sarif", "gitlab", "json", "junit"))]
    for name in names:
        text = (pytester.path / name).read_text()
        assert "test_it.py" in text or "service/handler.py" in text
        assert str(pytester.path) not in text, name


WRITERS = {
    "check --output-file": ["check", "--output-file", "link"],
    "check --write-baseline": ["check", "--write-baseline", "--baseline", "link"],
    "report": ["report", "results.json", "-o", "link.json"],
    "report md": ["report", "results.json", "-o", "link.md"],
}


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no symbolic links")
@pytest.mark.parametrize("command", WRITERS.values(), ids=WRITERS)
def test_no_command_writes_through_a_link(project, cpuperf_command, command):
    pytester = project(handler=GUARDED)
    write_run(pytester.path / "results.json", run_result(), ".json")
    (pytester.path / "secret").write_text("untouched")
    for name in ("link", "link.json", "link.md"):
        (pytester.path / name).symlink_to(pytester.path / "secret")
    code, _, err = cpuperf_command(*command)
    assert code == 2
    assert "is a symbolic link, which is not written through" in err
    assert (pytester.path / "secret").read_text() == "untouched"


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no symbolic links")
def test_neither_the_cache_nor_a_stored_run_is_written_through_a_link(project):
    pytester = project(handler=GUARDED, test_it=MEASURED)
    (pytester.path / "pyproject.toml").write_text('[tool.cpuperf]\ncache-dir = "cache"\n')
    run(pytester.path, "pytest_cpuperf", "check")
    run(pytester.path, "pytest", "--cpuperf", "--cpuperf-save=main")
    files = [p for p in (pytester.path / "cache").rglob("*.json") if p.is_file()]
    assert len(files) >= 2
    (pytester.path / "secret").write_text("untouched")
    for file in files:
        file.unlink()
        file.symlink_to(pytester.path / "secret")
    assert run(pytester.path, "pytest_cpuperf", "check").returncode == 1
    assert "symbolic link" in run(pytester.path, "pytest", "--cpuperf", "--cpuperf-save=main").stdout
    assert (pytester.path / "secret").read_text() == "untouched"
