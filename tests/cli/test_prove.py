"""`cpuperf prove MODEL`: a model, texts, a claims table."""

import importlib.util
import json
import random
import subprocess
import sys

import pytest

from tests.helpers.models import make_model

pytestmark = pytest.mark.skipif(importlib.util.find_spec("transformers") is None, reason="needs transformers")


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    """Save a small BERT and its tokenizer as transformers does."""
    folder = tmp_path_factory.mktemp("model")
    return make_model(folder)


@pytest.fixture
def texts(tmp_path):
    generator = random.Random(1)
    lines = [" ".join(f"w{generator.randrange(98)}" for _ in range(generator.choice([4, 90]))) for _ in range(96)]
    file = tmp_path / "texts.txt"
    file.write_text("\n".join(lines))
    return file


def prove(*arguments):
    command = [sys.executable, "-m", "pytest_cpuperf", "prove", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_bucketing_is_confirmed_where_lengths_differ(model_folder, texts, tmp_path):
    out = tmp_path / "out.json"
    page = tmp_path / "out.html"
    done = prove(
        model_folder, "--texts", texts, "--claims=bucketing", "--max-seconds=20", "--json", out, "--html", page
    )
    assert (done.returncode, done.stderr) == (0, "")
    head, row, other, *_ = done.stdout.splitlines()
    assert head.split()[0] == "claim"
    assert row.startswith("bucketing  up to 2x  ")
    assert "] over arrival  confirmed" in row
    assert other.endswith("] over padded")
    assert max(map(len, done.stdout.splitlines())) <= 80
    claim = json.loads(out.read_text())["claims"][0]
    assert (claim["heuristic"], claim["judgement"]) == ("bucketing", "confirmed")
    assert claim["measurement"]["estimate"]["low"] > 1
    assert [arm["arm"] for arm in claim["also"][0]["arms"]][:2] == ["planned", "padded"]
    assert page.read_text().count("throughput, with intervals") == 2


@pytest.mark.slow
def test_equal_lengths_are_the_null_case(model_folder, tmp_path):
    file = tmp_path / "same.txt"
    file.write_text("w1 w2 w3 w4 w5 w6\n" * 96)
    done = prove(model_folder, "--texts", file, "--max-seconds", 8)
    assert done.stdout.splitlines()[1].endswith("not reproduced here")
    assert "bucketing does not pay here: the texts are of nearly equal length" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{model}"], "expected texts as the model will see them, found none"),
        (["{model}", "--texts", "none.txt"], "cannot read the texts in none.txt: No such file or directory"),
        (["nowhere", "--texts", "{texts}"], "expected a transformers folder, an .onnx file or module:factory"),
        (["no.onnx", "--texts", "{texts}"], "expected an ONNX file, found none: no.onnx"),
        (["no_such_module:make", "--texts", "{texts}"], "cannot import 'no_such_module'"),
        (["json:nothing", "--texts", "{texts}"], "json:nothing cannot be had"),
        (
            ["{model}", "--texts", "{texts}", "--claims", "bucketin"],
            "no claim is called 'bucketin' (did you mean 'bucket",
        ),
        (["{model}", "--texts", "{texts}", "--max-seconds", "0"], "--max-seconds takes a number above 0, found 0"),
    ],
)
def test_what_cannot_be_proved_is_one_line(cpuperf_command, model_folder, texts, arguments, said):
    filled = [a.format(model=model_folder, texts=texts) for a in arguments]
    code, out, err = cpuperf_command("prove", *filled)
    assert (code, out) == (2, "")
    assert err.startswith("cpuperf: ")
    assert said in err.splitlines()[0]


def test_a_folder_without_a_model_is_one_line(cpuperf_command, tmp_path, texts):
    code, _, err = cpuperf_command("prove", tmp_path, "--texts", texts)
    assert code == 2
    assert "holds no model that transformers can load" in err.splitlines()[0]
