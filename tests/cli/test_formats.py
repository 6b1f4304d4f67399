"""The formats, as those who read them want them."""

import json
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest

HANDLER = """
import torch

def embed(model, tok, texts):
    batch = tok(texts, padding="max_length", max_length=512)
    with torch.no_grad():
        return model(**batch).tolist()
"""


def test_sarif_is_valid_and_carries_help_and_fingerprints(project, cpuperf_command):
    Sarif = pytest.importorskip("sarif_pydantic").Sarif
    project(service__handler=HANDLER, broken="import torch\nwith torch.no_grad(:\n")
    code, out, _ = cpuperf_command("check", "--format", "sarif")
    assert code == 1
    document = json.loads(out)
    assert document["version"] == Sarif.model_validate(document).version == "2.1.0"
    run = document["runs"][0]
    assert [r["id"] for r in run["tool"]["driver"]["rules"]] == ["CPU101", "CPU201"]
    assert "## Use instead" in run["tool"]["driver"]["rules"][0]["help"]["markdown"]
    result = run["results"][0]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "CPU201"
    location = result["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "service/handler.py"
    assert location["region"] == {"startLine": 5, "startColumn": 24, "endLine": 5, "endColumn": 44}
    assert len(result["partialFingerprints"]["cpuperf/v1"]) == 16
    assert "not valid Python" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


def test_sarif_is_valid_by_its_json_schema(project, cpuperf_command):
    schema = os.environ.get("CPUPERF_SARIF_SCHEMA")
    if not schema:
        pytest.skip("CPUPERF_SARIF_SCHEMA names no schema file; .ci/run fetches one")
    jsonschema = pytest.importorskip("jsonschema")
    project(service__handler=HANDLER, broken="import torch\nwith torch.no_grad(:\n")
    _, out, _ = cpuperf_command("check", "--format", "sarif")
    validator = jsonschema.Draft4Validator(json.loads(Path(schema).read_text(encoding="utf-8")))
    assert list(validator.iter_errors(json.loads(out))) == []
    assert list(validator.iter_errors({"version": "2.1.0"})) != []


def test_github_shows_the_worst_first_within_its_limits(project, cpuperf_command):
    body = "".join(f"def f{i}(model, x):\n    with torch.no_grad():\n        return model(x)\n" for i in range(15))
    project(a="import torch\n" + body, b=HANDLER)
    _, out, _ = cpuperf_command("check", "--format", "github")
    lines = out.splitlines()
    assert lines[0].startswith("::warning file=b.py,line=5,col=24,title=CPU201 constant-padding::text is padded")
    assert sum(line.startswith("::warning") for line in lines) == 10
    assert lines[-1] == "::notice title=cpuperf::7 more are not shown here: GitHub shows 10 of a kind for a step"


def test_github_escapes_what_would_end_a_command(project, cpuperf_command):
    pytester = project()
    (pytester.path / "a,b:c%.py").write_text(HANDLER)
    _, out, _ = cpuperf_command("check", "--format", "github")
    assert "file=a%2Cb%3Ac%25.py,line=5" in out


def test_gitlab_has_what_its_widget_needs(project, cpuperf_command):
    project(handler=HANDLER)
    _, out, _ = cpuperf_command("check", "--format", "gitlab")
    issues = json.loads(out)
    assert len(issues) == 2
    assert issues[0]["description"].startswith("CPU201 constant-padding: text is padded to 512 tokens")
    assert issues[0]["location"] == {"path": "handler.py", "lines": {"begin": 5, "end": 5}}
    assert len({i["fingerprint"] for i in issues}) == 2


def test_junit_is_one_case_per_file(project, cpuperf_command):
    project(handler=HANDLER, clean="x = 1\n")
    _, out, _ = cpuperf_command("check", "--format", "junit")
    suite = ElementTree.fromstring(out.split("\n", 1)[1]).find("testsuite")
    assert suite.attrib["failures"] == "1"
    (case,) = suite.findall("testcase")
    assert case.attrib["name"] == "handler.py"
    assert "CPU201 constant-padding" in case.find("failure").text


def test_statistics_count_by_rule(project, cpuperf_command):
    project(handler=HANDLER, other=HANDLER)
    assert cpuperf_command("check", "--statistics")[1].splitlines() == [
        "     2  CPU201  constant-padding",
        "     2  CPU101  no-grad-inference",
    ]


def test_standard_input_has_the_name_it_is_given(project, cpuperf_command, monkeypatch):
    import io
    import sys

    project()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(HANDLER.encode())))
    code, out, _ = cpuperf_command("check", "-", "--stdin-filename", "service/x.py", "--format", "concise")
    assert code == 1
    assert out.startswith("service/x.py:5:24: CPU201")


def test_silenced_places_say_why(project, cpuperf_command):
    project(a="import torch\n@torch.no_grad()\ndef f(x):\n    return x + 1\n")
    code, out, _ = cpuperf_command("check", "--show-silenced")
    assert code == 0
    assert "a.py:2:2: CPU101 silent: no model is seen to run in it" in out


def test_notebooks_are_checked_cell_by_cell(project, cpuperf_command):
    pytester = project()
    cells = [
        {"cell_type": "markdown", "source": ["# with torch.no_grad(): model(x)"]},
        {
            "cell_type": "code",
            "source": ["%matplotlib inline\n", "!pip install torch\n", "import torch\n", "files = !ls\n"],
        },
        {"cell_type": "code", "source": "%%bash\nwith torch.no_grad(): model(x)"},
        {"cell_type": "code", "source": ["x = 1\n", "with torch.no_grad():\n", "    print(model(x).item())"]},
    ]
    (pytester.path / "demo.ipynb").write_text(json.dumps({"cells": cells, "nbformat": 4}))
    (pytester.path / "broken.ipynb").write_text('{"cells": [ no_grad')
    code, out, _ = cpuperf_command("check", "--format", "concise")
    assert code == 1
    assert out.splitlines()[0] == "demo.ipynb:cell 4:2:6: CPU101 torch.no_grad() guards inference"
    assert "broken.ipynb:1: error: not a notebook" in out
    finding = json.loads(cpuperf_command("check", "--format", "json")[1])["findings"][0]
    assert (finding["cell"], finding["line"], finding["fix"]) == (4, 2, None)


def test_torchserve_configs_are_told_by_their_keys(project, cpuperf_command):
    pytester = project()
    (pytester.path / "serving.properties").write_text("inference_address=http://127.0.0.1:8080\nmodel_store=/m\n")
    (pytester.path / "log4j.properties").write_text("log4j.rootLogger=INFO\nmodel_store=/m\n")
    code, out, _ = cpuperf_command("check", "--format", "concise")
    assert code == 1
    assert out == "serving.properties:1:1: CPU401 workers are not pinned to cores\n"


def test_a_baseline_hides_what_is_known_and_only_shrinks(project, cpuperf_command):
    pytester = project(handler=HANDLER)
    assert cpuperf_command("check", "--baseline", "known.json", "--write-baseline")[0] == 0
    assert cpuperf_command("check", "--baseline", "known.json")[:2] == (0, "no findings in 1 file\n")
    project(handler="# moved down\n" + HANDLER, new=HANDLER.replace("512", "64"))
    code, out, _ = cpuperf_command("check", "--baseline", "known.json", "--format", "concise")
    assert code == 1
    assert {line.split(":")[0] for line in out.splitlines()} == {"new.py"}
    (pytester.path / "new.py").unlink()
    project(handler=HANDLER.replace("no_grad", "inference_mode"))
    code, _, err = cpuperf_command("check", "--baseline", "known.json")
    assert code == 0
    assert "CPU101 in handler.py is there no more: take it out" in err


@pytest.mark.parametrize(
    "text", ["{", '{"schema": "cpuperf/baseline/9", "findings": []}', '{"schema": "cpuperf/baseline/1"}']
)
def test_a_damaged_baseline_is_refused(project, cpuperf_command, text):
    pytester = project(handler=HANDLER)
    (pytester.path / "known.json").write_text(text)
    code, out, err = cpuperf_command("check", "--baseline", "known.json")
    assert (code, out) == (2, "")
    assert "known.json: expected a baseline" in err


def test_the_cache_answers_alike_and_a_damaged_one_is_made_anew(project, cpuperf_command):
    pytester = project(handler=HANDLER, broken="import torch\nwith torch.no_grad(:\n")
    (pytester.path / "pyproject.toml").write_text('[tool.cpuperf]\ncache-dir = ".cpuperf_cache"\n')
    first = cpuperf_command("check", "--format", "json")
    (file,) = (pytester.path / ".cpuperf_cache").iterdir()
    assert cpuperf_command("check", "--format", "json") == first
    assert cpuperf_command("check", "--format", "json", "--no-cache") == first
    file.write_text(file.read_text()[:100])
    code, out, err = cpuperf_command("check", "--format", "json")
    assert (code, out) == first[:2]
    assert "is damaged and is made anew" in err
    assert cpuperf_command("check", "--format", "json") == first
    project(handler="x = 1\n")
    assert "handler.py" not in cpuperf_command("check", "--format", "concise")[1]


def test_several_processes_find_the_same(project, cpuperf_command):
    project(**{f"pkg__m{i}": HANDLER for i in range(12)})
    one = cpuperf_command("check", "--jobs", "1", "--format", "json")
    assert cpuperf_command("check", "--jobs", "3", "--format", "json") == one


def test_a_clean_file_does_not_load_libcst(project):
    import subprocess
    import sys

    pytester = project(clean="x = 1\n")
    code = "import sys; from pytest_cpuperf.cli import main; main(['check', '.']); sys.exit('libcst' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=pytester.path, stdout=subprocess.DEVNULL).returncode == 0
