"""Mutated results files, stored runs, calibrations and caches: read, or refused in one line."""

import json
from pathlib import Path

import pytest

from pytest_cpuperf.cli import main
from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.measure.comparison import compare_runs
from pytest_cpuperf.reports.comparison import comparison_text
from pytest_cpuperf.reports.formats import run_formats
from pytest_cpuperf.reports.sentences import sentence
from pytest_cpuperf.results.calibration import read_calibration
from pytest_cpuperf.results.document import read_results, results_document
from tests.fuzz.mutation import mutated_document
from tests.helpers.drawing import COUNT, SEED, drawn, told
from tests.helpers.runs import FINDING, run_result

pytestmark = pytest.mark.slow
OLD = Path(__file__).parents[1] / "results/files/results-0.1.0.json"
DOCUMENTS = COUNT * 2 // 3


def documents():
    run = run_result(tests=2, findings=(FINDING,))
    return [json.loads(OLD.read_text()), results_document(run, sentence)]


def test_results_are_read_and_reported_or_refused_in_one_line(tmp_path):
    rng = drawn("results")
    whole = documents()
    base = read_results(OLD)
    file = tmp_path / "run.json"
    read, refused = 0, []
    formats = [form for suffix, form in run_formats().items() if suffix != ".html"]
    for number in range(DOCUMENTS):
        document = mutated_document(rng, rng.choice(whole))
        file.write_text(json.dumps(document))
        with told(f"document {number}, {file}"):
            try:
                run = read_results(file)
            except UsageError as error:
                refused.append(str(error))
                continue
            read += 1
            comparison_text(compare_runs(base, run), 80)
            for form in formats:
                form.render(run, "run")
    print(f"{DOCUMENTS} results documents, {read} of them read, seed {SEED}")
    assert read > DOCUMENTS / 100
    assert refused
    assert not any("\n" in message for message in refused)


def test_torn_caches_and_calibrations_stop_nothing(tmp_path, monkeypatch):
    rng = drawn("caches")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.cpuperf]\ncache-dir = "cache"\n')
    (tmp_path / "a.py").write_text(
        "import torch\ndef f(model, x):\n    with torch.no_grad():\n        return model(x).tolist()\n"
    )
    assert main(["check"]) == 1
    files = [f for f in (tmp_path / "cache").rglob("*") if f.is_file() and f.suffix == ".json"]
    assert files
    whole = {file: file.read_bytes() for file in files}
    for number in range(COUNT // 30):
        for file, data in whole.items():
            if rng.random() < 0.5:
                data = json.dumps(mutated_document(rng, json.loads(data))).encode()
            else:
                place = rng.randrange(len(data))
                data = data[:place] + bytes([rng.randrange(256)]) + data[place + rng.randrange(40) :]
            file.write_bytes(data)
            read_calibration(file)
        with told(f"{number}"):
            assert main(["check"]) in (0, 1)  # a changed finding may still be one
