"""Fixes change what they say and nothing else, on generated and real files."""

import difflib
from pathlib import Path

import libcst
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.fixing import fix_source
from pytest_cpuperf.static.rules import all_rules

from .test_whole_and_pruned import real_files

RULES = all_rules()
PIECES = [
    "with torch.no_grad():\n    y = model(x).item()",
    "with t.no_grad() :  # why\n    return_value = model(x)",
    "@ng()\ndef f(model, x): return model(x)",
    "batch = tok(texts, padding='max_length', max_length=512)  # noqa: CPU101",
    'batch = tok(\n    texts,\n    padding="max_length",\n)',
    "session = ort.InferenceSession(path)",
    "value = 1  # noqa: CPU201, E501",
    "s = '''with torch.no_grad(): model(x)'''",
    "naïve = 'äöü €'",
    "if x:\n    session = ort.InferenceSession(path, providers=['CPUExecutionProvider'])",
]
HEADERS = [
    "import torch, torch as t\nfrom torch import no_grad as ng\nimport onnxruntime as ort",
    "from __future__ import annotations\n\nimport torch\nimport torch as t\n"
    "from torch import (\n    no_grad as ng,\n)\n"
    "import onnxruntime as ort",
]


@st.composite
def sources(draw):
    body = "\n".join(draw(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6)))
    text = f"{draw(st.sampled_from(HEADERS))}\n\n{body}\n"
    text = text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"][:2]))
    return text.encode(encoding)


@settings(max_examples=150, deadline=None)
@given(sources(), st.booleans())
def test_a_fix_parses_is_done_once_and_keeps_the_rest(data, unsafe):
    fixed, applied, encoding = fix_source(data, "a.py", RULES, unsafe)
    check_kept(data, fixed, encoding)
    libcst.parse_module(fixed)
    assert fix_source(fixed, "a.py", RULES, unsafe)[:2] == (fixed, 0)
    if not applied:
        assert fixed == data
    left = [f.fix.safety for f in check_source(fixed, "a.py", RULES).findings if f.fix]
    assert not left or (not unsafe and set(left) == {"unsafe"})


def check_kept(before, after, encoding):
    """Lines that a fix did not touch are the same, byte for byte, line ends and BOM included."""
    assert after.startswith(b"\xef\xbb\xbf") == before.startswith(b"\xef\xbb\xbf")
    assert (b"\r\n" in before) == (b"\r\n" in after)
    old, new = (d.decode(encoding).splitlines(keepends=True) for d in (before, after))
    touched = (
        *("no_grad", "ng()", "inference_mode", "padding", "InferenceSession", "noqa", "import", "ptions"),
        *(
            "intra_op_num_threads",
            "cpuperf",
            "float",
            "enable_profiling",
            "ORT_ENABLE",
            "spinning",
            "dynamic",
            ".eval()",
        ),
    )
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            strange = [line for line in old[a:b] + new[c:d] if not any(word in line for word in touched)]
            assert strange == []


@pytest.mark.slow
def test_fixes_of_real_files_parse_and_keep_the_rest():
    fixed_files = 0
    for file in [*real_files(["onnxruntime"], most=200), *real_files(["transformers"])]:
        data = file.read_bytes()
        fixed, applied, encoding = fix_source(data, str(file), RULES, unsafe=True)
        assert bool(applied) == any(f.fix for f in check_source(data, str(file), RULES).findings), file
        if applied:
            fixed_files += 1
            libcst.parse_module(fixed)
            check_kept(data, fixed, encoding)
    if not fixed_files:
        pytest.skip("no real file here has anything to fix")


HANDLER = (
    "import torch\n\ndef embed(model, tok, texts):\n    batch = tok(texts, padding='max_length')\n"
    "    with torch.no_grad():\n        return model(**batch).tolist()\n"
)


def test_safe_fixes_are_written_and_the_rest_is_told(project, cpuperf_command):
    pytester = project(handler=HANDLER)
    file = pytester.path / "handler.py"
    file.chmod(0o755)
    code, out, err = cpuperf_command("check", "--fix")
    assert code == 1
    assert "fixed 1 finding in 1 files" in err
    assert "torch.inference_mode()" in file.read_text()
    assert "padding='max_length'" in file.read_text()
    assert "CPU201" in out
    assert "CPU101" not in out
    assert file.stat().st_mode & 0o777 == 0o755
    assert cpuperf_command("check", "--fix", "--unsafe-fixes")[0] == 0
    assert "padding='longest'" in file.read_text()


def test_diff_shows_and_writes_nothing(project, cpuperf_command):
    pytester = project(handler=HANDLER)
    code, out, _ = cpuperf_command("check", "--diff", "--unsafe-fixes")
    assert code == 1
    assert "--- a/handler.py\n+++ b/handler.py\n" in out
    assert "-    with torch.no_grad():\n" in out
    assert "+    with torch.inference_mode():\n" in out
    assert (pytester.path / "handler.py").read_text() == HANDLER


def test_a_link_is_not_written_through(project, cpuperf_command):
    pytester = project(real=HANDLER)
    (pytester.path / "link.py").symlink_to("real.py")
    code, _, err = cpuperf_command("check", "--fix", "link.py")
    assert code == 2
    assert "link.py is a symbolic link, which is not written through" in err
    assert (pytester.path / "real.py").read_text() == HANDLER


def test_other_encodings_stay_as_they_are(project, cpuperf_command):
    pytester = project()
    data = ("# -*- coding: latin-1 -*-\n# caf\xe9\n" + HANDLER).encode("latin-1")
    (pytester.path / "old.py").write_bytes(data)
    cpuperf_command("check", "--fix", "--no-cache")
    assert (pytester.path / "old.py").read_bytes() == data.replace(b"no_grad", b"inference_mode")


@pytest.mark.parametrize("count", ["available", "physical", "logical"])
def test_the_config_says_how_threads_are_counted(project, cpuperf_command, count):
    pytester = project(s='import onnxruntime\nsession = onnxruntime.InferenceSession("m.onnx")\n')
    (pytester.path / "pyproject.toml").write_text(f'[tool.cpuperf]\nort-threads = "{count}"\n')
    assert cpuperf_command("check", "--fix", "--unsafe-fixes")[0] == 0
    text = (pytester.path / "s.py").read_text()
    wanted = {"available": "sched_getaffinity(0)", "physical": "logical=False", "logical": "logical=True"}[count]
    assert wanted in text
    compile(text, "s.py", "exec")
    assert Path(pytester.path / "s.py").read_text().startswith("import ")
