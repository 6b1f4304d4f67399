"""`cpuperf check -`, and exit codes that hold whatever becomes of the output."""

import io
import os
import subprocess
import sys

import pytest

UNUSED = "x = 1  # noqa: CPU101\n"


@pytest.fixture
def check_stdin(cpuperf_command, monkeypatch):
    def run(source, *args):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(source.encode())))
        return cpuperf_command("check", "-", *args)

    return run


def run_into(target, *args):
    """Run the command with its output going into a file or a file descriptor."""
    command = [sys.executable, "-m", "pytest_cpuperf", *args]
    done = subprocess.run(command, stdout=target, stderr=subprocess.PIPE, text=True)
    return done.returncode, done.stderr


def test_fixed_source_is_all_that_goes_to_standard_output(project, check_stdin):
    project()
    assert check_stdin(UNUSED, "--fix") == (0, "x = 1\n", "")
    assert check_stdin("y = 2\n", "--fix") == (0, "y = 2\n", "")


def test_a_broken_source_comes_back_as_it_was_with_exit_1(project, check_stdin):
    project()
    code, out, err = check_stdin("x = (no_grad\n", "--fix", "--stdin-filename", "a.py")
    assert (code, out) == (1, "x = (no_grad\n")
    assert err.startswith("a.py:1: not checked: not valid Python")
    assert len(err.splitlines()) == 1


def test_a_diff_of_standard_input(project, check_stdin):
    project()
    code, out, err = check_stdin(UNUSED, "--diff", "--stdin-filename", "pkg/a.py")
    assert (code, err) == (1, "")
    assert out == "--- a/pkg/a.py\n+++ b/pkg/a.py\n@@ -1 +1 @@\n-x = 1  # noqa: CPU101\n+x = 1\n"
    assert check_stdin("y = 2\n", "--diff") == (0, "", "")


def test_an_excluded_file_of_an_editor_is_left_out_where_that_is_forced(project, check_stdin, monkeypatch):
    pytester = project(sub__a=UNUSED)
    (pytester.path / "pyproject.toml").write_text('[tool.cpuperf]\nexclude = ["sub/a.py"]\n')
    monkeypatch.chdir(pytester.path / "sub")
    excluded = ("--force-exclude", "--stdin-filename", "a.py")
    assert check_stdin(UNUSED, *excluded) == (0, "no findings in 0 files\n", "")
    assert check_stdin(UNUSED, "--fix", *excluded) == (0, UNUSED, "")
    assert check_stdin(UNUSED, "--diff", *excluded) == (0, "", "")
    assert check_stdin(UNUSED, "--stdin-filename", "a.py")[0] == 1


def test_per_file_ignores_hold_from_a_subfolder(project, check_stdin, monkeypatch):
    pytester = project(sub__a=UNUSED)
    (pytester.path / "pyproject.toml").write_text('[tool.cpuperf.per-file-ignores]\n"sub/*" = ["CPU001"]\n')
    monkeypatch.chdir(pytester.path / "sub")
    assert check_stdin(UNUSED, "--stdin-filename", "a.py")[0] == 0
    assert check_stdin(UNUSED, "--stdin-filename", "../a.py")[0] == 1


def test_a_diff_where_a_file_cannot_be_checked_is_no_success(project, cpuperf_command):
    project(a="x = (no_grad\n")
    code, out, err = cpuperf_command("check", "--diff")
    assert (code, out) == (1, "")
    assert err.startswith("a.py:1: not checked: not valid Python")


def test_a_diff_goes_to_the_output_file(project, cpuperf_command):
    pytester = project(a=UNUSED)
    assert cpuperf_command("check", "--diff", "--output-file", "changes.diff") == (1, "", "")
    assert "+x = 1\n" in (pytester.path / "changes.diff").read_text()
    assert (pytester.path / "a.py").read_text() == UNUSED


@pytest.mark.parametrize("source", [UNUSED, UNUSED * 3000], ids=["short", "long"])
def test_a_reader_that_leaves_does_not_change_the_verdict(project, source):
    project(a=source, clean="x = 1\n")
    reads, writes = os.pipe()
    os.close(reads)
    assert run_into(writes, "check", "a.py") == (1, "")
    assert run_into(writes, "check", "a.py", "--exit-zero") == (0, "")
    assert run_into(writes, "check", "clean.py") == (0, "")
    assert run_into(writes, "check", "a.py", "--diff") == (1, "")
    assert run_into(writes, "explain") == (0, "")
    os.close(writes)


def test_output_that_cannot_be_written_is_an_error_of_one_line(project):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    project(clean="x = 1\n")
    with open("/dev/full", "w") as full:
        code, err = run_into(full, "check", "clean.py")
    assert (code, err) == (2, "cpuperf: cannot write to standard output: No space left on device\n")


def test_a_closed_standard_output_is_no_traceback(project):
    project(a=UNUSED)
    command = f"{sys.executable} -m pytest_cpuperf check a.py >&-"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (1, "")


STREAMS = {
    "no standard input": ("check - <&-", 2, "cpuperf: - reads standard input, which is closed\n"),
    "a reader of errors that left": ("check a.py --fix 2> >(true)", 2, ""),
    "no standard error": ("check a.py --fix 2>&-", 2, ""),
}


@pytest.mark.parametrize(("command", "wanted", "said"), STREAMS.values(), ids=STREAMS)
def test_streams_that_are_not_there(project, command, wanted, said):
    pytester = project(a=UNUSED)
    (pytester.path / "a.py").chmod(0o444)
    done = subprocess.run(
        f"{sys.executable} -m pytest_cpuperf {command}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
    )
    assert done.returncode == wanted
    assert done.stderr.startswith(said)
    assert "Traceback" not in done.stderr
    assert "read-only" not in done.stdout


def test_a_folder_that_is_gone_is_no_traceback(project, cpuperf_command, monkeypatch):
    pytester = project()
    (pytester.path / "gone").mkdir()
    monkeypatch.chdir(pytester.path / "gone")
    (pytester.path / "gone").rmdir()
    for arguments in (["check", "."], ["check", "--isolated", "-"]):
        code, out, err = cpuperf_command(*arguments)
        assert (code, out) == (2, "")
        assert err.startswith("cpuperf: the folder this runs in is no longer there\n")
