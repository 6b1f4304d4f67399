"""How a thread variable may be set, and what loads torch before it."""

import textwrap

import pytest

from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.rules import all_rules

RULES = [r for r in all_rules() if r.code == "CPU404"]


def verdicts(source):
    data = textwrap.dedent(source).encode()
    quick, plain = (check_source(data, "a.py", RULES, thorough=thorough) for thorough in (False, True))
    assert quick.findings == plain.findings
    return [f.line for f in plain.findings], " ".join(s.because for s in plain.silenced)


@pytest.mark.parametrize(
    "statement",
    [
        'os.environ["OMP_NUM_THREADS"] = "4"',
        'os.environ.update(MKL_NUM_THREADS="4")',
        'os.environ.update({"GOMP_CPU_AFFINITY": "0-3"})',
        'os.environ |= {"KMP_BLOCKTIME": "1"}',
        'os.environ |= dict(OMP_PLACES="cores")',
        'os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")',
        'os.putenv("OMP_NUM_THREADS", "4")',
        'environ["OMP_NUM_THREADS"] = "4"',
    ],
)
@pytest.mark.parametrize(
    "imports",
    [
        "import os, torch",
        "import os; import torch",
        "try: import torch, os\nexcept ImportError: pass",
        "import os, timm",
    ],
)
def test_reported_however_it_is_set_and_torch_is_imported(imports, statement):
    lines, told = verdicts(f"{imports}\nfrom os import environ\n{statement}\n")
    assert len(lines) == 1, told


def test_what_loads_torch_is_named():
    source = 'import os\nimport sentence_transformers\nos.environ["OMP_NUM_THREADS"] = "4"\n'
    (finding,) = check_source(source.encode(), "a.py", RULES).findings
    assert "by sentence_transformers" in finding.message


def test_what_does_not_load_torch_is_silent_with_a_reason():
    lines, told = verdicts("""
        import os, transformers, numpy
        from .torch import thing
        os.environ.update({"OMP_NUM_THREADS": "4", "HOME": "/"})
        os.environ.update({"HOME": "/"})
        """)
    assert lines == []
    assert told == "torch is not imported before it"
