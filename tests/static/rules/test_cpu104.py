"""Compiled models that meet a new shape with each batch."""

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


@pytest.mark.parametrize(
    "compiled",
    [
        "m = torch.compile(net)",
        'm = torch.compile(net, mode="reduce-overhead")',
        "m = torch.compile(net, dynamic=None)",
        "m = torch.load(p).eval()\nm.compile()",
        "@torch.compile()\ndef m(**batch): return net(**batch)",
    ],
)
def test_reported_where_the_file_pads_to_the_longest(compiled):
    found, told = verdicts(compiled + "\n" + PADDED)
    assert len(found) == 1, told


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("m = torch.compile(net, dynamic=True)\n" + PADDED, "dynamic is given"),
        ("m = torch.compile(net, **options)\n" + PADDED, "unpacked"),
        ("m = torch.compile(net)\ntorch._dynamo.mark_dynamic(x, 1)\n" + PADDED, "handles shapes"),
        ("m = torch.compile(net)\ny = m(**tokenizer(t, padding=True, pad_to_multiple_of=64))", "handles shapes"),
        ('m = torch.compile(net)\ny = m(**tokenizer(t, padding="max_length"))', "no text is seen"),
        ("m = torch.compile(net)\ny = m(x)  # tokenizer(t, padding=True)", "no text is seen"),
        ("m = torch.compile(net)\nz = tokenizer(t, padding=True)", "not seen to run"),
    ],
)
def test_silent_with_the_reason(source, reason):
    found, told = verdicts(source)
    assert found == []
    assert reason in told


@pytest.mark.parametrize("other", ["p = re.compile('x')", "self.compile()", "m.compile('adam')", "m.compile(loss=l)"])
def test_what_compiles_no_torch_model_is_nothing(other):
    assert verdicts(other + "\n" + PADDED) == ([], "")
