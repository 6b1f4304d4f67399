"""Bad input: one line under `errors`, or nothing; never a traceback."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.fixing import fix_source
from pytest_cpuperf.static.rules import all_rules
from pytest_cpuperf.static.source import libcst_trial

from .test_whole_and_pruned import HARD

RULES = all_rules()
GUARD = "import torch\ndef f(model, x):\n    with torch.no_grad():\n        return model(x)\n"


@settings(max_examples=50, deadline=None)  # libcst is tried in a process of its own
@given(st.binary(max_size=200), st.sampled_from([".py", ".ipynb", ".properties", ".yaml"]))
def test_any_bytes_are_checked_without_a_traceback(noise, suffix):
    for data in (noise, b"import torch\nno_grad max_length cpu_launcher_enable batchSize: maxBatchDelay\n" + noise):
        result = check_source(data, f"a{suffix}", RULES)
        assert all("\n" not in e.message for e in result.errors)


@settings(max_examples=50, deadline=None)  # libcst is tried in a process of its own
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
    "lambdas with arguments": "lambda a, b: " * 4000 + "torch.no_grad",
    "complements": "~" * 20_000 + "torch.no_grad",
    "format specifications": 'f"' + "{x:" * 20_000 + "}" * 20_000 + '"; torch.no_grad',
    "assignments in brackets": "(a := " * 3000 + "torch.no_grad" + ")" * 3000,
    "patterns": "1\nmatch torch.no_grad:\n case " + "[" * 60 + "b" + "]" * 60 + ": pass <",
    "after what a newer Python takes": "1\ntype A = int\ny = " + "~" * 30_000 + "torch.no_grad",
}


@pytest.mark.parametrize("kind", DEEP)
def test_what_would_overflow_the_parser_is_one_line(kind, monkeypatch):
    monkeypatch.setattr(libcst_trial, "_MOST_SECONDS", 2)
    source = f"import torch\nwith torch.no_grad(): model(1)\nx = {DEEP[kind]}\n"
    result = check_source(source.encode(), "a.py", RULES)
    assert [e.message for e in result.errors] == ["nested too deeply to be parsed"]


def test_half_a_character_is_one_line():
    notebook = b'{"cells": [{"cell_type": "code", "source": "import torch\\ntorch.no_grad() # \\ud800"}]}'
    by_escape = b"# coding: raw_unicode_escape\nimport torch\ntorch.no_grad() # \\ud800\n"
    for data, name in ((notebook, "a.ipynb"), (by_escape, "a.py")):
        (error,) = check_source(data, name, RULES).errors
        assert error.message.endswith("not valid text: '\\ud800' is half a character")


@pytest.mark.parametrize(
    "encoding", ["punycode", "undefined", "rot13", "hex", "idna", "zlib", "nothing", "utf-7", "utf-8"]
)
def test_encodings_that_do_not_fit_are_one_line(encoding):
    result = check_source(f"# coding: {encoding}\nno_grad\n+2AA-\n".encode() + b"\xff\xff", "a.py", RULES)
    assert [e.message.count("\n") for e in result.errors] == [0]


def test_a_rule_that_fails_is_one_line_and_all_other_files_are_checked(project, cpuperf_command, monkeypatch):
    project(a=GUARD, b="# broken\n" + GUARD, c=GUARD)
    rule = type(next(r for r in RULES if r.code == "CPU101"))
    check = rule.check

    def fail_on_b(self, module):
        if module.facts.text.startswith("# broken"):
            raise ZeroDivisionError("division\nby zero")
        return check(self, module)

    monkeypatch.setattr(rule, "check", fail_on_b)
    code, out, _ = cpuperf_command("check", "--format", "json", "--no-cache")
    document = json.loads(out)
    assert (code, [f["path"] for f in document["findings"]]) == (1, ["a.py", "c.py"])
    (error,) = document["errors"]
    assert error["path"] == "b.py"
    assert error["message"].startswith("cannot be checked, by a fault of cpuperf or of a rule; please report it: ")
    assert "ZeroDivisionError: division (test_robustness.py:" in error["message"]
    said = check_source(b"# broken\n" + GUARD.encode(), "b.py", RULES).errors
    assert [e.message for e in said] == [error["message"]]


def test_long_flat_expressions_are_parsed():
    source = "import torch\nx = [" + "1 + 2, " * 5000 + "]\ny = torch.no_grad\n" + "z = a.b(c[0]).d(1).e\n" * 2000
    assert check_source(source.encode(), "a.py", RULES, thorough=True).errors == ()


def test_newer_python_than_libcst_knows_is_one_line():
    result = check_source(b"import torch\nwith torch.no_grad(): model(1); x = <<>>\n", "a.py", RULES)
    (error,) = result.errors
    assert error.message.startswith("not valid Python")
    assert error.line == 2


@pytest.mark.parametrize("name", ["a.py", "cells.ipynb"])
def test_a_null_character_is_one_line_and_nothing_is_fixed(name):
    source = "x = 1\ny = 2  # \0 seen # noqa: CPU101\n"
    if name == "cells.ipynb":
        source = json.dumps({"cells": [{"cell_type": "code", "source": source}], "nbformat": 4})
    (error,) = check_source(source.encode(), name, RULES).errors
    assert error.message.endswith("not valid Python: it holds a null character")
    assert fix_source(source.encode(), name, RULES, unsafe=True)[1] == 0
