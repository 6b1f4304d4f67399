"""The recipes of CONTRIBUTING.md: their code, put where they say, does what they say."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.helpers.models import make_model
from tests.helpers.packages import copy_of_the_package

RECIPES = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text()


def code_of(recipe):
    """Return the code under a recipe's heading."""
    part = RECIPES.partition(f"### {recipe}\n")[2].partition("\n### ")[0]
    return textwrap.dedent(re.search(r"( *```python\n)(.*?)\n *```", part, re.DOTALL)[2]) + "\n"


@pytest.fixture
def cpuperf(tmp_path):
    package = copy_of_the_package(tmp_path)

    def run(*arguments):
        path = os.pathsep.join([os.fspath(tmp_path), os.environ.get("PYTHONPATH", "")])
        done = subprocess.run(
            [sys.executable, "-m", "pytest_cpuperf", *map(os.fspath, arguments)],
            cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}, timeout=120,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    run.package = package
    return run


@pytest.mark.skipif(importlib.util.find_spec("transformers") is None, reason="needs transformers")
def test_the_recipe_for_a_claim(cpuperf, tmp_path):
    (cpuperf.package / "proofs/inference_mode.py").write_text(code_of("A claim"))
    model = tmp_path / "model"
    model.mkdir()
    (tmp_path / "texts.txt").write_text("w1 w2 w3\n" * 8)
    assert "The same forward pass under both" in cpuperf("explain", "inference-mode")[1]
    code, out, err = cpuperf(
        *("prove", make_model(model), "--texts", "texts.txt", "--claims", "inference-mode"),
        *("--max-seconds", "4", "--json", "out.json"),
    )
    assert (code, err) == (0, "")
    assert out.splitlines()[1].startswith("inference-mode  a gain")
    (claim,) = json.loads((tmp_path / "out.json").read_text())["claims"]
    assert claim["measurement"]["baseline"] == "no_grad"
    assert claim["judgement"] in ("confirmed", "not reproduced here", "inconclusive")


def test_the_recipe_for_an_output_format(cpuperf, tmp_path):
    (cpuperf.package / "reports/formats/findings/count.py").write_text(code_of("An output format"))
    (tmp_path / "handler.py").write_text("import onnxruntime\nonnxruntime.InferenceSession('m.onnx')\n")
    assert cpuperf("check", "--no-cache", "--format", "count", "handler.py")[1] == "1 of them\n"
