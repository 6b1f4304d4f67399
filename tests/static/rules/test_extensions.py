"""A rule as one new file, and a rule of another package: both are seen by `explain` and `check`."""

import os
import subprocess
import sys
import textwrap

import pytest

from tests.helpers.packages import copy_of_the_package, install

RULE = '''
from pytest_cpuperf.static.rules.base import PythonRule, Report
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.names import dotted


class SleepInHandler(PythonRule):
    """A handler that sleeps.

    ## What it does
    Finds `time.sleep`.
    """

    code = "{code}"
    name = "{name}"
    heuristic = "core-pinning"
    trigger = (b"sleep",)
    live = r"sleep\\b"
    VALID = ("x = 1",)
    INVALID = ("import time\\ntime.sleep(1)  # <-",)

    def check(self, module):
        for call in module.nodes(cst.Call):
            if dotted(call.func) == "time.sleep":
                yield Report(call, "it sleeps", "do not")
'''
SLEEPS = "import time\ndef handle(x):\n    time.sleep(1)\n    return x\n"


@pytest.fixture
def cpuperf(tmp_path):
    """Run cpuperf with a folder first on the path, in a project with a handler that sleeps."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "handler.py").write_text(SLEEPS)

    def run(*arguments):
        path = os.pathsep.join([os.fspath(tmp_path), os.environ.get("PYTHONPATH", "")])
        done = subprocess.run(
            [sys.executable, "-m", "pytest_cpuperf", *arguments],
            cwd=project, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path},
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    return run


def test_a_rule_is_one_new_file(cpuperf, tmp_path):
    package = copy_of_the_package(tmp_path)
    source = RULE.format(code="CPU901", name="sleep-in-handler")
    (package / "static/rules/cpu901_sleep_in_handler.py").write_text(f'"""CPU901."""\n{source}')
    assert "CPU901  sleep-in-handler" in cpuperf("explain")[1]
    assert "A handler that sleeps." in cpuperf("explain", "CPU901")[1]
    code, out, err = cpuperf("check", "--no-cache", "--select", "CPU9")
    assert (code, err) == (1, "")
    assert "handler.py:3:5: CPU901 sleep-in-handler  it sleeps" in out


def test_a_rule_of_another_package_is_one_like_ours(cpuperf, tmp_path):
    install(tmp_path, "acme-rules", RULE.format(code="ACM001", name="acme-sleep"), rules="acme_rules:SleepInHandler")
    assert "ACM001  acme-sleep" in cpuperf("explain")[1]
    assert "handler.py:3:5: ACM001 it sleeps" in cpuperf("check", "--no-cache", "--format", "concise")[1]
    assert cpuperf("check", "--no-cache", "--ignore", "ACM001")[0] == 0
    assert "'ACM002'" in cpuperf("check", "--select", "ACM002")[2]


BROKEN = {
    "raises": ("raise ValueError('no\\nGPU')", "ValueError: no GPU"),
    "exits": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "lacks its class": ("", "AttributeError: "),
    "is no rule": ("SleepInHandler = 3", "expected a subclass of pytest_cpuperf.static.rules.base.Rule, found 3"),
    "forgets its trigger": (
        RULE.format(code="ACM001", name="x").replace('    trigger = (b"sleep",)\n', ""),
        "the rule SleepInHandler lacks, or has in another form than expected: trigger",
    ),
    "takes our code": (RULE.format(code="CPU101", name="x"), "the rule CPU101, which NoGradInference has already"),
    "takes our name": (RULE.format(code="ACM001", name="no-grad-inference"), "which CPU101 has already"),
}


@pytest.mark.parametrize(("source", "said"), BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("command", [("check", "--no-cache"), ("explain",)], ids=" ".join)
def test_a_broken_package_is_one_line_that_names_it(cpuperf, tmp_path, command, source, said):
    install(tmp_path, "acme-rules", textwrap.dedent(source), rules="acme_rules:SleepInHandler")
    code, out, err = cpuperf(*command)
    assert (code, out) == (2, "")
    first, *rest = err.splitlines()
    assert first.startswith("cpuperf: the package acme-rules offers ")
    assert said in first
    assert "Traceback" not in err
    assert rest == ["  uninstall acme-rules, or mend it"]


def test_a_broken_package_is_one_line_under_pytest_too(tmp_path, cpuperf):
    install(tmp_path, "acme-rules", "raise ValueError('no GPU')", rules="acme_rules:SleepInHandler")
    path = os.pathsep.join([os.fspath(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--cpuperf"],
        cwd=tmp_path / "project", capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert done.returncode == 4, "pytest's code for wrong use"
    assert "ERROR: cpuperf: the package acme-rules offers a rule that cannot be loaded" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
