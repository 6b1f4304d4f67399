"""Results files: their schema, reading them, and putting shards together."""

import importlib.resources
import json
import subprocess
import sys
from dataclasses import replace

import pytest

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.registry import load_kinds
from pytest_cpuperf.reports.sentences import sentence
from pytest_cpuperf.results.document import merged, read_results, results_document
from pytest_cpuperf.results.schema import FILE, schema_text

jsonschema = pytest.importorskip("jsonschema")


def validate(document):
    schema = json.loads(
        importlib.resources.files("pytest_cpuperf.results").joinpath("results-1.schema.json").read_text()
    )
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema, cls=jsonschema.Draft202012Validator)


def test_the_schema_in_the_package_is_the_one_the_records_make():
    load_kinds()
    assert FILE.read_text() == schema_text(), "run python docs/make_schema.py"


SHARD = """
import time, pytest

def spin():
    end = time.perf_counter() + 0.002
    while time.perf_counter() < end:
        pass

def test_rate(cpuperf): cpuperf.throughput(spin, items=1, at_least=1, max_seconds=3)
def test_lost(cpuperf): cpuperf.throughput(spin, items=1, at_least=1e6, max_seconds=3)
def test_slow(cpuperf): cpuperf.latency(spin, at_most=1.0, max_seconds=3)
def test_both(cpuperf): cpuperf.compare(spin, spin, max_seconds=3)
def test_idle(): pass
def test_impossible(cpuperf): cpuperf.compare(lambda: time.sleep(1), spin, at_least=1.0, max_seconds=2)
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Run a real shard once and return its results file."""
    folder = tmp_path_factory.mktemp("shard")
    (folder / "pyproject.toml").write_text("[tool.cpuperf]\n")
    (folder / "test_shard.py").write_text(SHARD)
    (folder / "handler.py").write_text(
        "import torch\ndef handle(model, x):\n    with torch.no_grad():\n        return model(x).tolist()\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "--cpuperf", "--cpuperf-json=out.json"]
    subprocess.run(command, cwd=folder, capture_output=True, timeout=120)
    return folder / "out.json"


def test_what_a_run_writes_is_what_the_schema_says(results):
    document = json.loads(results.read_text())
    validate(document)
    assert {m["verdict"] for t in document["tests"] for m in t["measurements"]} == {
        "pass",
        "fail",
        "no budget",
        "inconclusive",
    }
    broken = {**document, "tests": [{**document["tests"][0], "outcome": 3}]}
    with pytest.raises(jsonschema.ValidationError):
        validate(broken)


def test_shards_become_one_in_any_grouping_and_doubles_are_told(results):
    a = read_results(results)
    b = replace(a, tests=tuple(replace(t, id=f"other_{t.id}") for t in a.tests))
    elsewhere = replace(a.machine, fingerprint="another")
    c = replace(a, machine=elsewhere, machines={}, tests=(a.tests[0], replace(a.tests[0], id="third.py::test")))
    whole, twice = merged([a, b, c])
    assert twice == (a.tests[0].id,)
    assert len(whole.tests) == 2 * len(a.tests) + 1
    assert whole.machines.keys() == {a.machine.fingerprint, "another"}
    assert whole.tests[-1].machine == "another"
    assert len(whole.static.findings) == len(a.static.findings) == 1
    document = results_document(whole, sentence)
    validate(document)
    left, _ = merged([merged([a, b])[0], c])
    right, _ = merged([a, merged([b, c])[0]])
    assert results_document(left, sentence) == results_document(right, sentence) == document


def with_measurement(**fields):
    machine = {"fingerprint": "f", "cpus": []}
    test = {"id": "t", "outcome": "passed", "measurements": [{"kind": "throughput", **fields}]}
    document = {"schema": "cpuperf/results/1", "version": "1", "machine": machine, "tests": [test]}
    return json.dumps(document)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is damaged: it is not JSON"),
        ("[" * 100_000, "is damaged: it is not JSON"),
        ("[]", "expected schema cpuperf/results/1, found None"),
        ('{"schema": "cpuperf/findings/1"}', "expected schema cpuperf/results/1, found 'cpuperf/findings/1'"),
        (
            '{"schema": "cpuperf/results/2"}',
            "is from a newer cpuperf (cpuperf/results/2; this one reads cpuperf/results/1)",
        ),
        ('{"schema": "cpuperf/results/1", "tests": [{}]}', "is damaged: version is missing"),
        (with_measurement(), "is damaged: tests[0].measurements[0].label is missing"),
        (
            with_measurement(label="l", verdict="pass", estimate=None, budget=None, relative={"point": "fast"}),
            "is damaged: tests[0].measurements[0].relative.point takes a number, found 'fast'",
        ),
    ],
)
def test_what_is_no_results_file_is_one_line(tmp_path, text, said):
    file = tmp_path / "out.json"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_results(file)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_of_an_earlier_version_of_the_schema_is_read(results, tmp_path):
    """Fields that came later may be missing."""
    document = json.loads(results.read_text())
    for test in document["tests"]:
        del test["line"]
        for m in test["measurements"]:
            del m["notes"]
            for pair in m["pairs"]:
                del pair["number"], pair["also_seconds"]
    del document["against"]
    old = tmp_path / "old.json"
    old.write_text(json.dumps(document))
    done = subprocess.run(
        [sys.executable, "-m", "pytest_cpuperf", "report", str(old), "-o", str(tmp_path / "old.html")],
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
