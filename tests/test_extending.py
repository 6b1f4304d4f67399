"""Extending is adding a file: a proof, an output format and a kind of evidence, each seen wherever its kind is shown.

Rules are in `tests/static/rules/test_extensions.py`.
"""

import json
import os
import subprocess
import sys

import pytest

from tests.helpers.packages import copy_of_the_package, install

PROOF = '''
"""Sleeping less."""

from dataclasses import dataclass
from typing import ClassVar

from pytest_cpuperf.heuristics import Heuristic
from pytest_cpuperf.measure.pairs import Quantity, measure_pairs, speedup
from pytest_cpuperf.proofs.base import Finding, Proof
from pytest_cpuperf.reports.sentences import sentence
from pytest_cpuperf.results.claims import Judgement, Recommendation
from pytest_cpuperf.results.measurements import ComparisonMeasurement
from pytest_cpuperf.results.remarks import Remark
from pytest_cpuperf.results.units import Unit


@dataclass(frozen=True)
class Slept(Remark):
    kind: ClassVar[str] = "slept"
    seconds: float


@sentence.register
def _(remark: Slept) -> str:
    return f"it slept for {remark.seconds:g} s"


class SleepLess(Proof):
    """Sleep less.

    ## How it is judged
    By sleeping.
    """

    heuristic = Heuristic("sleep-less", "sleeping less is faster", "twice", "https://example.com")

    def judge(self, subject):
        import time
        quantity = Quantity(speedup, Unit("×"), None)
        outcome = measure_pairs(
            lambda: time.sleep(0.01), lambda: time.sleep(0.02), quantity, subject.patience, subject.cpus
        )
        record = ComparisonMeasurement(label="short sleep", budget=None, baseline="long sleep", **outcome.fields)
        return Finding(Judgement.CONFIRMED, Slept(0.01), record)

    def recommend(self, finding):
        return Recommendation("shorter sleeps", "time.sleep(0.01)")
'''
FORMAT = '''
"""Findings as a count."""

from pytest_cpuperf.reports.formats.base import FindingsFormat


class Count(FindingsFormat):
    """How many there are."""

    name = "count"

    def render(self, result, view):
        return f"{len(result.findings)} of them\\n"
'''
RUN_FORMAT = '''
"""A run as its tests' names."""

from pytest_cpuperf.reports.formats.base import RunFormat


class Names(RunFormat):
    """Names."""

    suffix = ".names"
    summary = "names of tests"

    def render(self, run, title):
        return "".join(f"{test.id}\\n" for test in run.tests)
'''
EVIDENCE = '''
"""How warm the package was."""

from pytest_cpuperf.machine.evidence.base import Quantity


class Temperature(Quantity):
    """How warm the package was, on average."""

    name = "temperature_celsius"
    words = "package temperature"
    unit = "°C"

    def read(self, moment):
        return 61.5

    def between(self, first, last):
        return (first.readings[self.name] + last.readings[self.name]) / 2

    def combine(self, values, seconds):
        return sum(v * s for v, s in zip(values, seconds, strict=True)) / sum(seconds)
'''

HANDLER = "import torch\ndef f(model, x):\n    with torch.no_grad():\n        return model(x).item()\n"
TEST = "def test_one(cpuperf): cpuperf.throughput(lambda: None, items=1, max_seconds=1)\n"


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "texts.txt").write_text("a text\nanother text\n")
    (folder / "made.py").write_text("def model():\n    return lambda batch: batch\n")
    (folder / "handler.py").write_text(HANDLER)
    (folder / "pyproject.toml").write_text("[tool.cpuperf]\n")
    return folder


@pytest.fixture
def python(tmp_path, project):
    """Run a module with a folder first on the path."""

    def run(*arguments):
        path = os.pathsep.join([os.fspath(tmp_path), os.environ.get("PYTHONPATH", "")])
        done = subprocess.run(
            [sys.executable, *map(os.fspath, arguments)],
            cwd=project, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path},
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    return run


def the_claim_is_seen(python, project):
    assert "sleep-less" in python("-m", "pytest_cpuperf", "explain")[1]
    assert "By sleeping." in python("-m", "pytest_cpuperf", "explain", "sleep-less")[1]
    code, out, err = python(
        *("-m", "pytest_cpuperf", "prove", "made:model", "--texts=texts.txt", "--claims=sleep-less"),
        *("--max-seconds=3", "--json=out.json", "--html=out.html"),
    )
    assert (code, err) == (0, "")
    assert "over long sleep" in out
    assert "sleep-less: it slept for 0.01 s" in out
    assert out.endswith("use this: shorter sleeps\n  time.sleep(0.01)\n")
    (claim,) = json.loads((project / "out.json").read_text())["claims"]
    assert (claim["heuristic"], claim["reason"]) == ("sleep-less", "it slept for 0.01 s")
    assert claim["reason_facts"] == {"kind": "slept", "seconds": 0.01, "text": "it slept for 0.01 s"}
    assert claim["recommendation"] == {"text": "shorter sleeps", "code": "time.sleep(0.01)"}
    page = (project / "out.html").read_text()
    assert "it slept for 0.01 s" in page
    assert "Use this: shorter sleeps" in page


def test_a_proof_is_one_new_file(python, project, tmp_path):
    package = copy_of_the_package(tmp_path)
    (package / "proofs/sleep_less.py").write_text(PROOF)
    the_claim_is_seen(python, project)
    schema = python("-c", "from pytest_cpuperf import registry; registry.load_kinds();"
                    "from pytest_cpuperf.results.schema import schema_text; print(schema_text())")  # fmt: skip
    assert json.loads(schema[1])["$defs"]["Slept"]["properties"]["seconds"] == {"type": ["number", "null"]}


def test_a_proof_of_another_package_is_one_like_ours(python, project, tmp_path):
    install(tmp_path, "acme-proofs", PROOF, proofs="acme_proofs:SleepLess")
    the_claim_is_seen(python, project)


def test_a_file_with_a_remark_of_a_package_that_is_gone_is_still_read(python, project, tmp_path):
    install(tmp_path, "acme-proofs", PROOF, proofs="acme_proofs:SleepLess")
    the_claim_is_seen(python, project)
    (tmp_path / "acme_proofs.py").unlink()
    code, _, err = python("-m", "pytest_cpuperf", "report", "out.json", "-o", "again.html")
    assert (code, err) == (0, "")
    assert "it slept for 0.01 s" in (project / "again.html").read_text()


BROKEN = {
    "raises": ("raise ValueError('no GPU')", "ValueError: no GPU"),
    "is no proof": ("class SleepLess: pass", "expected a subclass of pytest_cpuperf.proofs.base.Proof"),
    "forgets its page": (
        PROOF.replace('"""Sleep less.\n\n    ## How it is judged\n    By sleeping.\n    """', ""),
        "the proof SleepLess lacks a docstring, which is its page",
    ),
    "proves what is proved": (PROOF.replace("sleep-less", "bucketing"), "a proof of bucketing, which Bucketing has"),
}


@pytest.mark.parametrize(("source", "said"), BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("command", [["prove", "made:model", "--texts=texts.txt"], ["explain"]], ids=" ".join)
def test_a_broken_package_is_one_line_that_names_it(python, tmp_path, source, said, command):
    install(tmp_path, "acme-proofs", source, proofs="acme_proofs:SleepLess")
    code, out, err = python("-m", "pytest_cpuperf", *command)
    assert (code, out) == (2, "")
    first, *rest = err.splitlines()
    assert first.startswith("cpuperf: the package acme-proofs offers a")
    assert said in first
    assert rest == ["  uninstall acme-proofs, or mend it"]


def test_an_output_format_is_one_new_file(python, project, tmp_path):
    package = copy_of_the_package(tmp_path)
    (package / "reports/formats/findings/count.py").write_text(FORMAT)
    (package / "reports/formats/runs/names.py").write_text(RUN_FORMAT)
    assert "count" in python("-m", "pytest_cpuperf", "check", "--help")[1]
    assert python("-m", "pytest_cpuperf", "check", "--no-cache", "--format=count")[1] == "1 of them\n"
    (project / "test_it.py").write_text(TEST)
    assert python("-m", "pytest", "--cpuperf", "--no-cpuperf-static", "--cpuperf-json=out.json")[0] == 0
    assert ".names (names of tests)" in python("-m", "pytest_cpuperf", "report", "--help")[1]
    assert python("-m", "pytest_cpuperf", "report", "out.json", "-o", "out.names")[0] == 0
    assert (project / "out.names").read_text() == "test_it.py::test_one\n"


def test_a_kind_of_evidence_is_one_new_file(python, project, tmp_path):
    package = copy_of_the_package(tmp_path)
    (package / "machine/evidence/quantities/temperature.py").write_text(EVIDENCE)
    (project / "test_it.py").write_text(TEST)
    arguments = ("--cpuperf", "--no-cpuperf-static", "--cpuperf-json=out.json", "--cpuperf-html=out.html")
    assert python("-m", "pytest", *arguments)[0] == 0
    (test,) = json.loads((project / "out.json").read_text())["tests"]
    (measurement,) = test["measurements"]
    assert measurement["evidence"]["temperature_celsius"] == 61.5
    page = (project / "out.html").read_text()
    assert "package temperature" in page
    assert "61.5 °C" in page
    assert python("-m", "pytest_cpuperf", "report", "out.json", "-o", "again.html")[0] == 0
    assert "package temperature" in (project / "again.html").read_text()
    schema = python("-c", "from pytest_cpuperf import registry; registry.load_kinds();"
                    "from pytest_cpuperf.results.schema import schema_text; print(schema_text())")  # fmt: skip
    assert "temperature_celsius" in json.loads(schema[1])["$defs"]["Evidence"]["properties"]
