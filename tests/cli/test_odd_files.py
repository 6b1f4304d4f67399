"""Files that are odd, damaged or hostile: one line that says so, an exit code, and never a traceback."""

import json
import os
import subprocess
import sys

import pytest

GUARD = "import torch\ndef f(model, x):\n    with torch.no_grad():\n        return model(x)\n"
DIGITS = "9" * 5000
TORCHSERVE = "minWorkers: 1\nbatchSize: 2\nmaxBatchDelay: 5\n"
PROPERTIES = "inference_address=x\nmodel_store=y\nload_models=all\n"
DEEP = "[" * 100_000
CELL = '{"cell_type": "code", "source": "import torch\\ntorch.no_grad()"}'


def one_line_each(document):
    assert all(e["message"] and "\n" not in e["message"] for e in document["errors"])
    assert not any("please report" in e["message"] for e in document["errors"])
    return [(e["path"], e["message"]) for e in document["errors"]]


REFUSED = {
    "a timestamp that is none": ("a.yaml", f'{TORCHSERVE}a: !!timestamp "x"\n', "for !!timestamp, found 'x'"),
    "an empty whole number": ("a.yaml", f'{TORCHSERVE}a: !!int ""\n', "for !!int, found ''"),
    "an empty number": ("a.yaml", f'{TORCHSERVE}a: [!!float ""]\n', "for !!float, found ''"),
    "a truth that is none": ("a.yaml", f"{TORCHSERVE}a: !!bool foo\n", "for !!bool, found 'foo'"),
    "an endless whole number": ("a.yaml", f"{TORCHSERVE}a: {DIGITS}\n", "for !!int, found '9999"),
    "a value that holds itself": ("a.yaml", f"{TORCHSERVE}a: &a [*a]\n", "a value holds itself"),
    "YAML nested too deeply": ("a.yaml", f"{TORCHSERVE}a: {DEEP}\n", "maximum recursion depth"),
    "an endless number in a notebook": ("a.ipynb", f'{{"cells": [{CELL}], "x": {DIGITS}}}', "not a notebook"),
    "a notebook nested too deeply": ("a.ipynb", f'{{"cells": [{CELL}], "x": {DEEP}', "not a notebook"),
    "cells that are no objects": ("a.ipynb", '{"cells": [1, "no_grad"]}', "not a notebook"),
    "a notebook of worksheets that are none": ("a.ipynb", '{"worksheets": {"no_grad": 1}}', "not a notebook"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_file_that_cannot_be_read_is_one_line_and_the_rest_is_checked(project, cpuperf_command, what):
    name, text, said = REFUSED[what]
    pytester = project(good=GUARD)
    (pytester.path / name).write_text(text)
    code, out, err = cpuperf_command("check", "--select", "ALL", "--format", "json")
    document = json.loads(out)
    ((path, message),) = one_line_each(document)
    assert (code, err, path, said in message) == (1, "", name, True), message
    assert {f["path"] for f in document["findings"]} == {"good.py"}


ACCEPTED = {
    "models nested too deeply": ("p.properties", f'{PROPERTIES}models={{"a":{DEEP}\n'),
    "a number of GPUs in superscript": ("p.properties", f"{PROPERTIES}number_of_gpu=²\n"),
    "aliases of aliases": (
        "a.yaml",
        TORCHSERVE + "a0: &a0 [1]\n" + "".join(f"a{n}: &a{n} [{f'*a{n - 1},' * 9}]\n" for n in range(1, 30)),
    ),
    "workers without end": ("Procfile", f"web: gunicorn -w {DIGITS} app:app\n"),
    "a workers' default without end": ("Procfile", f"web: gunicorn -w ${{A:-{DIGITS}}} app:app\n"),
    "a Dockerfile's list nested too deeply": ("Dockerfile", f"FROM torch\nCMD {DEEP}\n"),
    "a compose file nested too deeply": ("compose.yaml", f"services:\n  a: {DEEP}\n# gunicorn\n"),
}


@pytest.mark.parametrize("what", ACCEPTED)
def test_an_odd_value_is_no_error(project, cpuperf_command, what):
    name, text = ACCEPTED[what]
    pytester = project(good=GUARD)
    (pytester.path / name).write_text(text, encoding="utf-8")
    code, out, err = cpuperf_command("check", "--select", "ALL", "--format", "json")
    assert (code, err, json.loads(out)["errors"]) == (1, "", [])


@pytest.mark.parametrize(
    "toml",
    [f"a = {DEEP}", f"max-seconds = {DIGITS}", "max-seconds = 1" + "0" * 400, f"select = 0x{DIGITS}", "select = 5"],
)
def test_an_odd_configuration_is_one_line_and_exit_2(project, cpuperf_command, toml):
    pytester = project(good=GUARD)
    (pytester.path / "cpuperf.toml").write_text(f"{toml}\n")
    code, out, err = cpuperf_command("check")
    assert (code, out, err.startswith("cpuperf: ")) == (2, "", True)
    assert len(err.splitlines()) <= 2
    assert max(map(len, err.splitlines())) < 400


@pytest.mark.parametrize(
    "baseline",
    [
        '{"schema": "cpuperf/baseline/1", "findings": [{"fingerprint": [1], "rule": 1, "path": 2, "message": 3}]}',
        '{"schema": "cpuperf/baseline/1", "findings": {"a": 1}}',
        f'{{"schema": {DIGITS}}}',
        DEEP,
        "[]",
    ],
)
def test_a_damaged_baseline_is_one_line_and_exit_2(project, cpuperf_command, baseline):
    pytester = project(good=GUARD)
    (pytester.path / "b.json").write_text(baseline)
    code, _, err = cpuperf_command("check", "--baseline", "b.json")
    assert (code, err.splitlines()[0]) == (2, "cpuperf: b.json: expected a baseline, found something damaged")


@pytest.mark.parametrize("damage", [DEEP, "[]", '{"schema": 1}', DIGITS, '"', "\\ud800", '{"known": {"a": 5}}'])
def test_a_damaged_cache_is_made_anew(project, cpuperf_command, monkeypatch, damage):
    pytester = project(good=GUARD)
    monkeypatch.setenv("XDG_CACHE_HOME", str(pytester.path / "cache"))
    first = cpuperf_command("check")
    (file,) = (pytester.path / "cache/pytest-cpuperf").glob("*.json")
    written = file.read_bytes()
    file.write_text(damage)
    code, out, err = cpuperf_command("check")
    assert (code, out) == first[:2]
    assert err == f"cpuperf: warning: {file} is damaged and is made anew\n"
    assert file.read_bytes() == written


def test_a_damaged_entry_of_the_cache_is_checked_again(project, cpuperf_command, monkeypatch):
    pytester = project(good=GUARD)
    monkeypatch.setenv("XDG_CACHE_HOME", str(pytester.path / "cache"))
    first = cpuperf_command("check")
    (file,) = (pytester.path / "cache/pytest-cpuperf").glob("*.json")
    document = json.loads(file.read_text())
    for damage in (5, {}, [[]], {"files_checked": 1, "findings": [{"path": 1}]}, {"files_checked": "x"}):
        file.write_text(json.dumps({**document, "known": dict.fromkeys(document["known"], damage)}))
        assert cpuperf_command("check") == first


@pytest.mark.parametrize("version", ["²", "9" * 5000, "", "x"])
def test_a_results_file_of_an_odd_version_is_one_line_and_exit_2(project, cpuperf_command, version):
    pytester = project()
    (pytester.path / "r.json").write_text(json.dumps({"schema": f"cpuperf/results/{version}"}))
    code, _, err = cpuperf_command("report", "r.json")
    assert (code, err.startswith("cpuperf: ")) == (2, True)


@pytest.mark.parametrize("pid", ["-1", "0", "99999999999999999999", "²", "x"])
def test_inspect_takes_process_numbers_alone(cpuperf_command, pid):
    code, out, err = cpuperf_command("inspect", "--", pid)
    assert (code, out) == (2, "")
    assert f"expected a process number above 0, found '{pid}'" in err


def test_what_a_terminal_cannot_show_is_escaped(project):
    project()
    command = [sys.executable, "-m", "pytest_cpuperf", "cpus"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, "")
