"""What cannot be looked at is one line under `errors`, and all else is checked."""

import json
import os
import shutil
import subprocess
import sys

import pytest

GUARD = "import torch\ndef f(model, x):\n    with torch.no_grad():\n        return model(x)\n"


def as_a_user(*command):
    """Run a command whose process may read only what its user may, also where that is root."""
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root may read everything, and setpriv is not installed")
        command = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", *command)
    return subprocess.run(command, capture_output=True, text=True, check=False)


def checked(*arguments):
    done = as_a_user(sys.executable, "-m", "pytest_cpuperf", "check", "--format", "json", *arguments)
    assert done.stderr == ""
    document = json.loads(done.stdout)
    return done.returncode, [f["path"] for f in document["findings"]], document["errors"]


@pytest.fixture
def unreadable(project):
    pytester = project(a=GUARD)
    folder = pytester.path / "pgdata"
    folder.mkdir()
    folder.chmod(0)
    yield folder
    folder.chmod(0o700)


def test_a_folder_that_cannot_be_read(unreadable):
    denied = [{"path": "pgdata", "line": None, "message": "cannot be read: Permission denied"}]
    assert checked() == (1, ["a.py"], denied)
    assert checked("a.py", "pgdata") == (1, ["a.py"], denied)
    inside = [{**denied[0], "path": "pgdata/x.py"}]
    assert checked("a.py", "pgdata/x.py") == (1, ["a.py"], inside)


def test_a_folder_that_cannot_be_read_and_is_excluded(unreadable):
    unreadable.with_name("pyproject.toml").write_text('[tool.cpuperf]\nexclude = ["pgdata/"]\n')
    assert checked() == (1, ["a.py"], [])


def test_a_folder_that_cannot_be_read_is_a_failed_item_of_a_test_run(unreadable):
    unreadable.with_name("test_it.py").write_text("def test_it(): pass\n")
    # pytest itself would end here: it looks into every folder for tests.
    options = ("--cpuperf", "-p", "no:cacheprovider", "-o", "norecursedirs=pgdata")
    done = as_a_user(sys.executable, "-m", "pytest", *options)
    assert "INTERNALERROR" not in done.stdout + done.stderr
    assert "pgdata:1: cannot be read: Permission denied" in done.stdout
    assert "2 failed, 1 passed" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="names are any bytes on Linux alone")
def test_a_name_that_is_not_utf_8(project):
    pytester = project(a=GUARD, test_it="def test_it(): pass\n")
    (pytester.path / os.fsdecode(b"\xff.py")).write_text(GUARD)
    message = "expected a name in UTF-8, found other bytes in it"
    for option in ("--show-silenced", "--no-cache", "--jobs=2"):
        assert checked(option) == (1, ["a.py"], [{"path": "\\xff.py", "line": None, "message": message}])
    for name in ("text", "concise", "github", "gitlab", "junit", "sarif"):
        done = as_a_user(sys.executable, "-m", "pytest_cpuperf", "check", "--format", name)
        assert (done.returncode, done.stderr) == (1, "")
    done = as_a_user(sys.executable, "-m", "pytest", "--cpuperf", "-p", "no:cacheprovider")
    assert "2 failed, 1 passed" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="names are any bytes on Linux alone")
def test_a_project_in_a_folder_whose_name_is_not_utf_8(pytester, monkeypatch):
    folder = pytester.path / os.fsdecode(b"\xff")
    folder.mkdir()
    (folder / "pyproject.toml").write_text("[tool.cpuperf]\n")
    (folder / "a.py").write_text(GUARD)
    monkeypatch.chdir(folder)
    for _ in range(2):  # the second time from the cache
        assert checked() == (1, ["a.py"], [])


def test_folders_nested_deeper_than_calls(project, monkeypatch):
    pytester = project(a=GUARD)
    for _ in range(1100):
        os.mkdir("d")
        os.chdir("d")
    (pytester.path / "d/d/d/b.py").write_text(GUARD)
    os.chdir(pytester.path)
    try:
        assert checked() == (1, ["a.py", "d/d/d/b.py"], [])
    finally:
        subprocess.run(["rm", "-rf", "d"], check=True)


@pytest.mark.parametrize("target", ["/dev/zero", "pipe"])
def test_a_link_to_what_never_ends(project, target):
    pytester = project(a=GUARD)
    os.mkfifo("pipe")
    for name in ("b.py", ".gitignore", "requirements.txt", "Dockerfile"):
        (pytester.path / name).symlink_to(target)
    (pytester.path / "sub").mkdir()
    os.mkfifo("sub/.gitignore")
    (pytester.path / "sub/Procfile").write_text("web: gunicorn -w 4 app:app\n")
    found = "a device" if target == "/dev/zero" else "a pipe"
    message = f"expected a regular file, found {found}"
    assert checked() == (1, ["a.py"], [{"path": n, "line": None, "message": message} for n in ("Dockerfile", "b.py")])


def test_a_file_too_large_for_a_source(project):
    pytester = project(a=GUARD)
    with (pytester.path / "b.py").open("wb") as file:
        file.truncate(1 << 40)
    message = "expected a file of at most 256 MiB, found 1048576 MiB"
    assert checked() == (1, ["a.py"], [{"path": "b.py", "line": None, "message": message}])


def test_links_to_folders_and_loops(project):
    pytester = project(a=GUARD)
    (pytester.path / "folder.py").symlink_to(pytester.path)
    (pytester.path / "loop.py").symlink_to("loop.py")
    assert checked()[1:] == (
        ["a.py"],
        [{"path": "loop.py", "line": None, "message": "cannot be read: Too many levels of symbolic links"}],
    )
