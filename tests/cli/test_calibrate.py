"""`cpuperf calibrate`: this machine's own error rates."""

import json
import subprocess
import sys

import pytest

from pytest_cpuperf.calibration import gates
from pytest_cpuperf.calibration.project import Project, Ran
from pytest_cpuperf.reports.calibration import calibration_text
from pytest_cpuperf.results.calibration import Calibration, GateRow, Verdicts
from pytest_cpuperf.results.measurements import ComparisonMeasurement
from pytest_cpuperf.results.verdicts import Verdict
from tests.helpers.processes import are_gone, children, within
from tests.helpers.runs import MACHINE

TABLE = """\
function: service:encode, 48.0 ms a call; 20 runs of each, 20 s at most

gate     slower by budget         false alarms    caught  inconclusive  seconds
compare         3%  0.985      0 of 20 (≤ 14%)  12 of 20      12 of 40     14.0
compare         5%  0.975      0 of 20 (≤ 14%)  20 of 20       0 of 40      3.2
stored          5%  0.975      1 of 20 (≤ 22%)  18 of 20       4 of 40     31.0

0 of 60 slower versions passed. ≤: the true share is no larger, with 95 %
confidence; more runs tell more (--runs).

This machine supports:
  compare: a loss of 5% in 3 s (budget 0.975); do not ask for 3%
  stored:  none of the losses that were tried (5%)

inconclusive, for example: too few pairs"""


def test_the_table_tells_what_is_wrong_and_undecided_and_what_the_machine_supports():
    rows = (
        GateRow("compare", 0.03, 0.985, Verdicts(16, 0, 4, 9.0), Verdicts(0, 12, 8, 14.0)),
        GateRow("compare", 0.05, 0.975, Verdicts(20, 0, 0, 3.2), Verdicts(0, 20, 0, 2.0)),
        GateRow("stored", 0.05, 0.975, Verdicts(17, 1, 2, 31.0), Verdicts(0, 18, 2, 20.0)),
    )
    found = Calibration(MACHINE, "service:encode", 0.048, 20, 20.0, rows, ("too few pairs",))
    text = calibration_text(found, 80)
    assert text == TABLE
    assert max(map(len, text.splitlines())) <= 80


def test_a_machine_that_is_never_quiet_is_told_that_it_was_too_busy():
    rows = (GateRow("against", 0.1, 0.96, Verdicts(1, 0, 9, 20.0), Verdicts(0, 3, 7, 20.0)),)
    found = Calibration(MACHINE, "default", 0.001, 10, 20.0, rows, ("16 of 20 pairs were set aside",))
    text = " ".join(calibration_text(found, 80).split())
    told = "none of the losses that were tried (10%): it was too busy, or max_seconds too short, for 16 of 20"
    assert f"against: {told}" in text
    assert "inconclusive, for example: 16 of 20 pairs were set aside" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--runs", "0"], "--runs takes a number above 0, found 0"),
        (["--max-seconds", "nan"], "--max-seconds takes a number above 0, found nan"),
        (["--gate", "compare,speed"], "--gate takes compare, against, stored; found 'speed'"),
        (["--function", "service"], "--function: expected module:name, found 'service'"),
        (["--function", "service:encode"], "--function: service:encode cannot be had: RuntimeError: no weights"),
        (["--function", "service:fails"], "it raised ValueError: no input"),
        (["--function", "service:ends"], "service:ends ended its process with 3"),
    ],
)
def test_what_cannot_be_calibrated_is_one_line(cpuperf_command, tmp_path, monkeypatch, arguments, said):
    service = "import os\ndef fails(): raise ValueError('no input')\ndef ends(): os._exit(3)\n"
    if "encode" in arguments[-1]:
        service += "raise RuntimeError('no weights')\n"
    (tmp_path / "service.py").write_text(service)
    monkeypatch.chdir(tmp_path)
    code, out, err = cpuperf_command("calibrate", *arguments)
    assert code == 2
    assert said in err
    assert out == ""
    assert len(err.splitlines()) <= 2


def test_ctrl_c_shows_what_the_runs_until_then_said(cpuperf_command, tmp_path, monkeypatch):
    ran = []

    def run(project, *ids):
        ran.append(ids)
        if len(ran) > 5:
            raise KeyboardInterrupt
        passed = ComparisonMeasurement(label="it", verdict=Verdict.PASS, estimate=None, budget=None)
        return Ran((passed,) * len(ids), 2.0)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Project, "run", run)
    code, out, err = cpuperf_command("calibrate", "--gate=compare", "--json=out.json")
    assert code == 130
    rows = [line.split() for line in out.splitlines() if line.startswith("compare  ")]
    assert [row[3:6] for row in rows] == [["0", "of", "2"]] * 3, "the second run had only begun"
    assert "interrupted: this is of the runs until then, and is not kept" in out
    assert not (tmp_path / "out.json").exists()
    assert err == ""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell children of their parent's end")
def test_a_calibration_that_is_ended_leaves_no_process(tmp_path):
    (tmp_path / "service.py").write_text("import time\ndef encode(): time.sleep(600)\n")
    command = [sys.executable, "-m", "pytest_cpuperf", "calibrate", "--function=service:encode"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    try:
        started = within(30, lambda: children(process.pid))
        assert started
    finally:
        process.terminate()
        process.wait()
    assert within(10, lambda: are_gone(started))


def test_git_that_fails_is_one_line(cpuperf_command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "git").write_text("#!/bin/sh\necho fatal: no room >&2\nexit 128\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    code, _, err = cpuperf_command("calibrate", "--gate=against")
    assert code == 2
    assert err.splitlines()[0] == "cpuperf: git init failed in a folder of its own: fatal: no room"


@pytest.mark.slow
def test_a_machine_is_calibrated_for_real_and_the_next_run_warns_of_a_finer_budget(
    cpuperf_command, tmp_path, monkeypatch
):
    (tmp_path / "pyproject.toml").write_text('[tool.cpuperf]\ncache-dir = "cache"\n')
    (tmp_path / "service.py").write_text("def encode():\n    return sum(i * i for i in range(9000))\n")
    (tmp_path / "test_it.py").write_text(
        "from service import encode\n"
        "def test_it(cpuperf): cpuperf.compare(encode, encode, at_least=1.0, max_seconds=2)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(gates, "SLOWER_BY", (0.1,))
    options = ("--runs=1", "--max-seconds=1.5", "--json=out.json", "--function=service:encode")
    code, out, err = cpuperf_command("calibrate", *options)
    assert (code, err) == (0, "")
    assert "3 gates, 1 run of each, about " in out
    rows = json.loads((tmp_path / "out.json").read_text())["rows"]
    assert [row["gate"] for row in rows] == ["compare", "against", "stored"]
    for row in rows:
        assert sum(row["same"][k] for k in ("passed", "failed", "inconclusive")) == 1
        assert sum(row["slower"][k] for k in ("passed", "failed", "inconclusive")) == 1
    assert "This machine supports:" in out
    command = [sys.executable, "-m", "pytest", "--cpuperf"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "this budget is finer than this machine supports" in " ".join(done.stdout.split())
