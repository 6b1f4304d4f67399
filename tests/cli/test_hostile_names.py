"""Names of files that a terminal or a parser would take for commands, in all that `cpuperf check` writes."""

import importlib
import io
import json
import os
import re
import sys
from xml.etree import ElementTree

import pytest

from pytest_cpuperf.reports.formats import findings_format_names

NAME = "a\x1b[31m\x9b2J\n::error::x\u202e.py"
SHOWN = "a␛[31m\ufffd2J␊::error::x\ufffd.py"
HANDLER = """
import torch
def f(model, x):
    with torch.no_grad():  # \x1b]0;title\x07
        return model(x).item()
"""
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]")


@pytest.fixture
def hostile(project):
    """Make a project with such names: one file has findings, one is broken, one has silences."""
    pytester = project()
    (pytester.path / NAME).write_text(HANDLER)
    (pytester.path / f"broken{NAME}").write_text("import torch\nwith torch.no_grad(:\n")
    (pytester.path / f"silent{NAME}").write_text("import torch\n@torch.no_grad()\ndef f(x):\n    return x\n")
    return pytester


@pytest.mark.parametrize("name", findings_format_names())
def test_no_format_writes_control_characters(hostile, cpuperf_command, name):
    code, out, err = cpuperf_command("check", "--format", name, "--show-silenced")
    assert code == 1
    assert not CONTROLS.search(out + err)
    assert "CPU101" in out


def test_a_name_is_one_line_and_xml_stays_xml(hostile, cpuperf_command):
    lines = cpuperf_command("check", "--format", "concise")[1].splitlines()
    assert [line.rpartition(SHOWN)[1] for line in lines] == [SHOWN] * 2
    xml = cpuperf_command("check", "--format", "junit")[1]
    names = [case.attrib["name"] for case in ElementTree.fromstring(xml.split("\n", 1)[1]).iter("testcase")]
    assert names == [SHOWN, f"broken{SHOWN}"]
    lines = cpuperf_command("check", "--format", "github")[1].splitlines()
    assert [line[:9] for line in lines] == ["::warning", "::error f"]


def test_json_has_the_names_as_they_are(hostile, cpuperf_command):
    document = json.loads(cpuperf_command("check", "--format", "json")[1])
    assert {f["path"] for f in document["findings"]} == {NAME}


def test_diffs_and_messages_show_signs(hostile, cpuperf_command):
    code, out, err = cpuperf_command("check", "--diff")
    assert code == 1
    assert out.startswith(f"--- a/{SHOWN}\n+++ b/{SHOWN}\n@@")
    assert "# \x1b]0;title\x07" in out, "a patch holds what the file holds"
    assert not CONTROLS.search(err)
    os.chmod(hostile.path / NAME, 0o444)
    code, out, err = cpuperf_command("check", "--fix")
    assert code == 2
    assert f"/{SHOWN} is read-only" in err
    assert not CONTROLS.search(out + err)
    assert cpuperf_command("check", f"gone{NAME}")[2].startswith(f"cpuperf: gone{SHOWN}: expected")


def test_a_diff_on_a_terminal_shows_signs_too(hostile, cpuperf_command, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    cpuperf_command("check", "--diff")
    assert "# ␛]0;title␇\n" in terminal.getvalue()
    assert not CONTROLS.search(terminal.getvalue())


def test_colours_of_our_own_stay(hostile, cpuperf_command, monkeypatch):
    check = importlib.import_module("pytest_cpuperf.cli.check")
    monkeypatch.setattr(check, "_terminal_style", lambda: lambda text, style: f"\x1b[1m{text}\x1b[0m")
    out = cpuperf_command("check")[1]
    assert f"\x1b[1m{SHOWN}:4:10\x1b[0m: \x1b[1mCPU101\x1b[0m" in out
    assert not CONTROLS.search(out.replace("\x1b[1m", "").replace("\x1b[0m", ""))
