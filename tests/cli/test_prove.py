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


def prove(*arguments, cwd=None):
    command = [sys.executable, "-m", "pytest_cpuperf", "prove", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, cwd=cwd)


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
    assert "Of 1 claim, 1 confirmed." in page.read_text()


FACTORY = """
import torch
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging

logging.disable_progress_bar()

class Dearer(torch.nn.Module):
    def __init__(self, model, short_alone):
        super().__init__()
        self.model, self.short_alone = model, short_alone
    def forward(self, **batch):
        if self.short_alone and len(batch["input_ids"]) > 1:
            sum(range(4_000_000))  # beside which the mode is nothing
        elif not torch.is_inference_mode_enabled():
            self.model(**batch)
        return self.model(**batch)

def made(wrap):
    folder = {folder!r}
    return wrap(AutoModel.from_pretrained(folder)).eval(), AutoTokenizer.from_pretrained(folder)

def as_it_is(): return made(lambda model: model)
def dearer(): return made(lambda model: Dearer(model, False))
def dearer_when_short(): return made(lambda model: Dearer(model, True))
def no_module(): return (lambda batch: batch["input_ids"]), made(lambda model: model)[1]
"""


@pytest.mark.parametrize(
    ("factory", "judgement", "said"),
    [
        ("dearer", "confirmed", "use this: inference mode"),
        pytest.param(
            "dearer_when_short",
            "confirmed",
            "inference-mode: it holds for one short text alone",
            marks=pytest.mark.slow,
        ),
        (
            "no_module",
            "does not apply",
            "inference-mode: the model (function) is no torch module",
        ),
    ],
)
def test_inference_mode_is_judged(model_folder, texts, tmp_path, factory, judgement, said):
    (tmp_path / "factories.py").write_text(FACTORY.replace("{folder!r}", repr(str(model_folder))))
    arguments = [f"factories:{factory}", "--texts", texts, "--claims=inference-mode", "--max-seconds=30"]
    done = prove(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    _, row, *lines = done.stdout.splitlines()
    assert row.startswith("inference-mode  a gain ")
    assert row.endswith(judgement)
    assert said in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    if factory != "no_module":
        assert sum("over no_grad, one short text" in line for line in (row, *lines)) == 1
        assert sum("over grad" in line for line in lines) == 1


HALVES = """
import torch
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging

logging.disable_progress_bar()

class Planted(torch.nn.Module):
    def __init__(self, model, work, wrong=False):
        super().__init__()
        self.model, self.work, self.wrong = model, work, wrong
    def forward(self, **batch):
        half = next(self.model.parameters()).dtype != torch.float32
        sum(range(self.work[half]))
        hidden = self.model(**batch).last_hidden_state
        return hidden.flip(-1) if half and self.wrong else hidden

def made(*planted):
    folder = {folder!r}
    model = Planted(AutoModel.from_pretrained(folder), *planted).eval()
    return model.to(torch.bfloat16), AutoTokenizer.from_pretrained(folder)

def slower(): return made((200_000, 4_000_000))
def faster(): return made((8_000_000, 200_000))
def wrong(): return made((8_000_000, 200_000), True)
def raises():
    model, tokenizer = made((1, 1))
    model.forward = lambda **batch: torch.ones(2) @ torch.ones(3)
    return model, tokenizer
"""


@pytest.mark.parametrize(
    ("factory", "judgement", "said", "code"),
    [
        ("slower", "harmful here", "use this: float32", 1),
        pytest.param("faster", "confirmed", "use this: bfloat16", 0, marks=pytest.mark.slow),
        pytest.param("wrong", "harmful here", "to float32's, less than 0.99", 1, marks=pytest.mark.slow),
    ],
)
def test_half_precision_is_judged(model_folder, texts, tmp_path, factory, judgement, said, code):
    (tmp_path / "halves.py").write_text(HALVES.replace("{folder!r}", repr(str(model_folder))))
    arguments = [f"halves:{factory}", "--texts", texts, "--claims=half-precision", "--max-seconds=60"]
    done = prove(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (code, "")
    assert done.stdout.splitlines()[1].endswith(judgement)
    out = " ".join(done.stdout.split())
    assert said in out
    assert "half-precision: loaded as bfloat16; this CPU has" in out
    for arm in ("bfloat16", "float16", "autocast"):
        assert f"] {arm} over float32" in out


def test_a_model_that_raises_cannot_be_judged(model_folder, texts, tmp_path):
    (tmp_path / "halves.py").write_text(HALVES.replace("{folder!r}", repr(str(model_folder))))
    done = prove("halves:raises", "--texts", texts, "--claims=inference-mode,half-precision", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("cannot be judged") == 2
    assert "inference-mode: the model raises an error under no_grad: " in done.stdout


@pytest.mark.slow
def test_a_model_that_does_the_same_in_both_modes(model_folder, tmp_path):
    done = prove(model_folder, "--claims=inference-mode", "--max-seconds=90", "--json", tmp_path / "out.json")
    assert done.returncode in (0, 1), done.stderr
    assert "paragraphs of Python's documentation; --texts takes your own" in done.stdout
    claim = json.loads((tmp_path / "out.json").read_text())["claims"][0]
    assert claim["judgement"] != "harmful here"
    assert len(claim["also"]) == 2


@pytest.mark.slow
def test_claims_share_the_time_and_each_says_what_it_lacks(model_folder, tmp_path):
    (tmp_path / "factories.py").write_text("import torch\ndef made(): return torch.nn.Linear(2, 2).eval()\n")
    done = prove("factories:made", "--max-seconds=60", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("cannot be judged") == 3
    assert "inference-mode: texts need a tokenizer: give one, or token ids, or lengths" in done.stdout


@pytest.mark.slow
def test_equal_lengths_are_the_null_case(model_folder, tmp_path):
    file = tmp_path / "same.txt"
    file.write_text("w1 w2 w3 w4 w5 w6\n" * 96)
    done = prove(model_folder, "--texts", file, "--max-seconds", 8, "--claims=bucketing")
    assert done.stdout.splitlines()[1].endswith("not reproduced here")
    assert "bucketing does not pay here: the texts are of nearly equal length" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
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
