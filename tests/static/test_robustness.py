"""Bad input: one line under `errors`, or nothing; never a traceback."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.rules import all_rules

from .test_whole_and_pruned import HARD

RULES = all_rules()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([".py", ".ipynb", ".properties", ".yaml"]))
def test_any_bytes_are_checked_without_a_traceback(noise, suffix):
    for data in (noise, b"import torch\nno_grad max_length cpu_launcher_enable batchSize: maxBatchDelay\n" + noise):
        result = check_source(data, f"a{suffix}", RULES)
        assert all("\n" not in e.message for e in result.errors)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(HARD.values())), st.randoms(use_true_random=False))
def test_torn_sources_are_checked_without_a_traceback(source, rng):
    data = bytearray(source.encode())
    for _ in range(rng.randrange(1, 6)):
        place = rng.randrange(len(data))
        kind = rng.randrange(3)
        if kind == 0:
            del data[place : place + rng.randrange(1, 30)]
        elif kind == 1:
            data[place:place] = rng.choice([b"(", b'"""', b"\n", b"\x00", b"\xff", b"def ", b"    "])
        else:
            data[place] = rng.randrange(256)
        if not data:
            break
    result = check_source(bytes(data), "a.py", RULES)
    assert all("\n" not in e.message for e in result.errors)


def test_ten_megabytes_of_generated_code():
    rng = random.Random(1)
    rows = "".join(f"    {rng.random()!r}, {rng.random()!r},\n" for _ in range(250_000))
    code = "def f(model, x):\n    with torch.no_grad():\n        return model(x)\n"
    data = f"import torch\nTABLE = [\n{rows}]\n{code}".encode()
    assert len(data) > 10_000_000
    result = check_source(data, "big.py", RULES)
    assert [f.rule for f in result.findings] == ["CPU101"]


DEEP = {
    "brackets": "(" * 3000 + "torch.no_grad" + ")" * 3000,
    "operators": "+".join(["torch.no_grad"] * 20_000),
    "not": "not " * 20_000 + "torch.no_grad",
    "attributes": "torch.no_grad" + ".b" * 20_000,
    "calls": "torch.no_grad" + "()" * 20_000,
    "subscripts": "torch.no_grad" + "[0]" * 20_000,
    "conditionals": "1 if a else " * 20_000 + "torch.no_grad",
    "lambdas": "lambda: " * 20_000 + "torch.no_grad",
    "branches": "1\nif a: torch.no_grad\n" + "elif b: pass\n" * 20_000,
    "powers": "**".join(["torch.no_grad"] * 20_000),
}


@pytest.mark.parametrize("kind", DEEP)
def test_what_would_overflow_the_parser_is_one_line(kind):
    result = check_source(f"import torch\nx = {DEEP[kind]}\n".encode(), "a.py", RULES)
    assert [e.message for e in result.errors] == ["nested too deeply to be parsed"]


def test_long_flat_expressions_are_parsed():
    source = "import torch\nx = [" + "1 + 2, " * 5000 + "]\ny = torch.no_grad\n" + "z = a.b(c[0]).d(1).e\n" * 2000
    assert check_source(source.encode(), "a.py", RULES, thorough=True).errors == ()


def test_newer_python_than_libcst_knows_is_one_line():
    result = check_source(b"import torch\nwith torch.no_grad(): x = <<>>\n", "a.py", RULES)
    (error,) = result.errors
    assert error.message.startswith("not valid Python")
    assert error.line == 2
