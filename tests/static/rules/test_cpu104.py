"""Models compiled for fixed shapes that meet a new one with each batch."""

import subprocess
import sys
import textwrap

import pytest

from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.rules import all_rules

RULES = [r for r in all_rules() if r.code == "CPU104"]
PADDED = "batch = tokenizer(texts, padding=True)\ny = m(**batch)\n"


def verdicts(source):
    data = ("import re, torch\n" + textwrap.dedent(source)).encode()
    quick, plain = (check_source(data, "a.py", RULES, thorough=thorough) for thorough in (False, True))
    assert quick.findings == plain.findings
    return [f.message for f in plain.findings], " ".join(s.because for s in plain.silenced)


ALL_STATIC = "torch._dynamo.config.automatic_dynamic_shapes = False\n"


@pytest.mark.parametrize(
    "compiled",
    [
        "m = torch.compile(net, dynamic=False)",
        'm = torch.compile(net, mode="max-autotune", dynamic=False)',
        "torch._dynamo.config.recompile_limit = 64\nm = torch.compile(net, dynamic=False)",
        "m = torch.load(p).eval()\nm.compile(dynamic=False)",
        "@torch.compile(dynamic=False)\ndef m(**batch): return net(**batch)",
        ALL_STATIC + "m = torch.compile(net)",
        ALL_STATIC + "m = torch.compile(net, dynamic=None)",
    ],
)
def test_reported_where_the_file_pads_to_the_longest(compiled):
    found, told = verdicts(compiled + "\n" + PADDED)
    assert len(found) == 1, told


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("m = torch.compile(net)\n" + PADDED, "a second time, for all of them"),
        ("m = torch.compile(net, dynamic=None)\n" + PADDED, "a second time, for all of them"),
        ("m = torch.compile(net, dynamic=True)\n" + PADDED, "dynamic is true"),
        ("m = torch.compile(net, dynamic=varies)\n" + PADDED, "chosen elsewhere"),
        ("m = torch.compile(net, **options)\n" + PADDED, "unpacked"),
        ("m = torch.compile(net, dynamic=False)\ntorch._dynamo.mark_dynamic(x, 1)\n" + PADDED, "handles shapes"),
        (
            "m = torch.compile(net, dynamic=False)\ny = m(**tokenizer(t, padding=True, pad_to_multiple_of=64))",
            "handles shapes",
        ),
        ('m = torch.compile(net, dynamic=False)\ny = m(**tokenizer(t, padding="max_length"))', "no text is seen"),
        ("m = torch.compile(net, dynamic=False)\ny = m(x)  # tokenizer(t, padding=True)", "no text is seen"),
        ("m = torch.compile(net, dynamic=False)\nz = tokenizer(t, padding=True)", "not seen to run"),
    ],
)
def test_silent_with_the_reason(source, reason):
    found, told = verdicts(source)
    assert found == []
    assert reason in told


COUNTING = """
import torch
from torch._dynamo.testing import CompileCounter
for dynamic in (None, False, True):
    torch._dynamo.reset()
    net = torch.nn.Sequential(torch.nn.Embedding(9, 4), torch.nn.Linear(4, 2)).eval()
    count = CompileCounter()
    compiled = torch.compile(net, dynamic=dynamic, backend=count)
    with torch.inference_mode():
        for length in range(10, 30):
            compiled(torch.zeros(8, length, dtype=torch.long))
    print(dynamic, count.frame_count)
"""


def test_torch_compiles_as_often_as_the_page_says():
    pytest.importorskip("torch")
    # In a process of its own: torch's compiler cannot be imported twice, as tests in one process may do.
    child = subprocess.run([sys.executable, "-c", COUNTING], capture_output=True, text=True, check=True)
    assert child.stdout.split("\n") == ["None 2", "False 8", "True 1", ""]


@pytest.mark.parametrize("other", ["p = re.compile('x')", "self.compile()", "m.compile('adam')", "m.compile(loss=l)"])
def test_what_compiles_no_torch_model_is_nothing(other):
    assert verdicts(other + "\n" + PADDED) == ([], "")
