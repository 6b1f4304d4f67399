"""Labels and file names that a terminal or a parser would take for commands, in a run of pytest."""

import re
from xml.etree import ElementTree

import pytest

CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
HANDLER = "import torch\ndef f(model, x):\n    with torch.no_grad():\n        return model(x).item()\n"
UNDECIDED = r"""
import pytest
def test_a(cpuperf):
    cpuperf.throughput(lambda: sum(range(999)), items=1, at_least=1e15, max_seconds=0.3, label="a\x1b[31m\0b\nc")
"""


@pytest.mark.parametrize("inconclusive", ["fail", "skip", "warn"])
def test_labels_and_names_are_shown_by_signs(project, monkeypatch, inconclusive):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "steps.md")
    pytester = project(test_it=UNDECIDED)
    (pytester.path / "h\x1b[31m.py").write_text(HANDLER)
    result = pytester.runpytest_subprocess(
        "--cpuperf", "-rA", "--color=no", "--junitxml=a.xml", f"--cpuperf-inconclusive={inconclusive}"
    )
    text = result.stdout.str() + result.stderr.str()
    assert "a␛[31m␀b␊c" in text
    assert "h␛[31m.py" in text
    assert not CONTROLS.search(text)
    assert not CONTROLS.search((pytester.path / "steps.md").read_text())
    root = ElementTree.parse(pytester.path / "a.xml").getroot()
    names = [p.attrib["name"] for p in root.iter("property")]
    assert "cpuperf a␛[31m␀b␊c" in names
