"""`cpuperf check` as a user meets it."""

import json
import os
import subprocess
import sys

import pytest

HANDLER = """
import torch

def embed(model, tok, texts):
    batch = tok(texts, padding="max_length", max_length=512)
    with torch.no_grad():
        return model(**batch).tolist()
"""


def test_shows_the_line_a_caret_and_what_to_do(project, cpuperf_command):
    project(handler=HANDLER, clean="x = 1\n")
    code, out, err = cpuperf_command("check")
    assert (code, err) == (1, "")
    assert out.splitlines()[:5] == [
        "handler.py:5:24: CPU201 constant-padding  text is padded to 512 tokens",
        "  |",
        '5 |     batch = tok(texts, padding="max_length", max_length=512)',
        "  |                        ^^^^^^^^^^^^^^^^^^^^",
        '  = help: padding="longest" with truncation=True and the same max_length; '
        "sort texts by length before batching",
    ]
    assert out.splitlines()[-1] == "2 findings in 1 of 2 files (1 safe fix: --fix; 1 more: --unsafe-fixes)"


def test_nothing_to_report_is_exit_0(project, cpuperf_command):
    project(clean="x = 1\n")
    assert cpuperf_command("check") == (0, "no findings in 1 file\n", "")


def test_json_holds_what_the_interface_promises(project, cpuperf_command):
    project(handler=HANDLER)
    code, out, _ = cpuperf_command("check", "--format", "json", "--show-silenced")
    document = json.loads(out)
    assert code == 1
    assert document["schema"] == "cpuperf/findings/1"
    assert document["files_checked"] == 1
    first = document["findings"][0]
    assert (first["rule"], first["line"], first["column"], first["end_column"]) == ("CPU201", 5, 24, 44)
    assert set(first) >= {"name", "heuristic", "path", "end_line", "message", "fix", "fingerprint"}
    assert document["silenced"] == []


def test_fingerprints_do_not_depend_on_line_numbers(project, cpuperf_command):
    project(handler=HANDLER)
    before = json.loads(cpuperf_command("check", "--format", "json")[1])["findings"]
    project(handler="# a comment\n\n" + HANDLER)
    after = json.loads(cpuperf_command("check", "--format", "json")[1])["findings"]
    assert [f["fingerprint"] for f in before] == [f["fingerprint"] for f in after]
    assert [f["line"] + 2 for f in before] == [f["line"] for f in after]


def test_select_ignore_and_comments_silence(project, cpuperf_command):
    project(handler=HANDLER)
    assert "1 finding in" in cpuperf_command("check", "--select", "CPU2")[1]
    assert "1 finding in" in cpuperf_command("check", "--ignore", "CPU201")[1]
    project(handler=HANDLER.replace("no_grad():", "no_grad():  # cpuperf: ignore[CPU101] trained through"))
    assert "CPU101" not in cpuperf_command("check")[1]
    project(handler=HANDLER.replace("512)", "512)  # noqa: CPU201"))
    assert "CPU201" not in cpuperf_command("check")[1]
    project(handler="# cpuperf: ignore-file[CPU101, CPU201]\n" + HANDLER)
    assert cpuperf_command("check")[0] == 0


def test_a_suppression_inside_a_string_silences_nothing(project, cpuperf_command):
    project(handler=HANDLER.replace("tok(texts", "tok('# noqa: CPU201'"))
    assert "CPU201" in cpuperf_command("check")[1]


def test_config_chooses_paths_and_excludes(project, cpuperf_command):
    pytester = project(src__handler=HANDLER, vendored__other=HANDLER, docs__conf=HANDLER)
    (pytester.path / "pyproject.toml").write_text(
        '[tool.cpuperf]\npaths = ["src", "vendored"]\nexclude = ["vendored/"]\n'
    )
    assert "2 findings in 1 of 1 file " in cpuperf_command("check")[1]
    assert "6 findings in 3 of 3 files " in cpuperf_command("check", "--isolated")[1]


def test_a_file_named_outright_is_checked_unless_excludes_are_forced(project, cpuperf_command):
    pytester = project(vendored__other=HANDLER)
    (pytester.path / "pyproject.toml").write_text('[tool.cpuperf]\nexclude = ["vendored/"]\n')
    assert cpuperf_command("check", "vendored/other.py")[0] == 1
    assert cpuperf_command("check", "--force-exclude", "vendored/other.py") == (0, "no findings in 0 files\n", "")


def test_ignored_by_git_is_not_checked(project, cpuperf_command):
    pytester = project(handler=HANDLER, build__copy=HANDLER)
    (pytester.path / ".gitignore").write_text("build/\n")
    assert "2 findings in 1 of 1 file " in cpuperf_command("check")[1]


def test_a_folder_below_the_top_of_a_repository_keeps_to_its_gitignore(project, cpuperf_command):
    pytester = project(inner__handler=HANDLER, inner__build__copy=HANDLER)
    pytester.mkdir(".git")
    (pytester.path / ".gitignore").write_text("build/\n")
    assert "2 findings in 1 of 1 file " in cpuperf_command("check", "inner")[1]


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[tool.cpuperf]\npath = ['src']\n", "unknown key 'path' (did you mean 'paths'?)"),
        ("[tool.cpuperf]\nmax-seconds = 'ten'\n", "max-seconds takes a number of seconds above 0, found 'ten'"),
        ("[tool.cpuperf]\npin = 'ech'\n", "pin takes one of each, measured, off, found 'ech' (did you mean 'each'?)"),
        ("[tool.cpuperf]\nselect = ['CPU999']\n", "no rule has the code 'CPU999'"),
        ("[tool.cpuperf\n", "not valid TOML"),
    ],
)
def test_a_broken_config_is_one_line_and_exit_2(project, cpuperf_command, toml, said):
    pytester = project(handler=HANDLER)
    (pytester.path / "pyproject.toml").write_text(toml)
    code, out, err = cpuperf_command("check")
    assert (code, out) == (2, "")
    assert said in err.splitlines()[0]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["chek"], "unknown command 'chek' (did you mean 'check'?)"),
        (["check", "--selct", "CPU1"], "unknown argument '--selct' (did you mean '--select'?)"),
        (["check", "missing.py"], "missing.py: expected a file or a folder, found nothing there"),
        (["explain", "no-grad-infer"], "no rule or claim 'no-grad-infer' (did you mean 'no-grad-inference'?)"),
    ],
)
def test_wrong_use_names_the_nearest(project, cpuperf_command, args, said):
    project(handler=HANDLER)
    code, out, err = cpuperf_command(*args)
    assert (code, out) == (2, "")
    assert said in err.splitlines()[0]


def test_what_cannot_be_read_is_one_line_and_the_rest_is_checked(project, cpuperf_command):
    pytester = project(handler=HANDLER, broken="import torch\nwith torch.no_grad(:\n", empty="")
    (pytester.path / "torn.py").write_bytes(b"# no_grad \xff\xfe\n")
    (pytester.path / "dangling.py").symlink_to("nowhere.py")
    (pytester.path / "folder.py").mkdir()
    (pytester.path / "loop").symlink_to(".")
    code, out, err = cpuperf_command("check", "--format", "concise")
    assert (code, err) == (1, "")
    assert out.count("CPU") == 2
    errors = [line for line in out.splitlines() if ": error: " in line]
    assert [line.split(":")[0] for line in errors] == ["broken.py", "dangling.py", "torn.py"]


def test_output_file_is_written_whole(project, cpuperf_command):
    pytester = project(handler=HANDLER)
    assert cpuperf_command("check", "--format", "json", "--output-file", "out/findings.json")[0] == 1
    assert json.loads((pytester.path / "out/findings.json").read_text())["findings"]
    assert os.listdir(pytester.path / "out") == ["findings.json"]


def test_a_reader_that_leaves_early_is_no_error(project):
    project(handler=HANDLER * 300)
    done = subprocess.run(
        f"set -o pipefail; {sys.executable} -m pytest_cpuperf check --exit-zero | head -n 1",
        shell=True, capture_output=True, text=True, executable="/bin/bash",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_explain_lists_the_rules_and_shows_a_page(cpuperf_command):
    assert "CPU101  no-grad-inference" in cpuperf_command("explain")[1]
    code, out, _ = cpuperf_command("explain", "cpu201")
    assert code == 0
    assert out.startswith("# CPU201 constant-padding")
    assert "## Use instead" in out
    assert "The claim behind it" in out
