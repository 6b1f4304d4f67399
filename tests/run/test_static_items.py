"""Static findings among the tests: named, narrowed and run as users expect of tests."""

import pytest

GUARD = "import torch\ndef predict(model, x):\n    with torch.no_grad():\n        return model(x).tolist()\n"


@pytest.fixture
def project(pytester, monkeypatch):
    # Loading hypothesis takes as long as all the rest of a start.
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest")
    for folder in ("src", "tests", "elsewhere"):
        (pytester.path / folder).mkdir()
    for name in ("src/app.py", "src/more.py", "tests/helper.py"):
        (pytester.path / name).write_text(GUARD)
    (pytester.path / "tests/test_it.py").write_text("def test_it(): pass\n")
    pytester.makepyprojecttoml("[tool.pytest.ini_options]\n")
    return pytester


def failed(result):
    """Return the ids that the summary names as failed."""
    return [line.split()[1] for line in result.outlines if line.startswith("FAILED ")]


def run(pytester, *arguments):
    return pytester.runpytest("--cpuperf", "-p", "no:cacheprovider", *arguments)


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        ((), ["src/app.py", "src/more.py", "tests/helper.py"]),
        (("src",), ["src/app.py", "src/more.py"]),
        (("tests",), ["tests/helper.py"]),
        (("--ignore=src",), ["tests/helper.py"]),
        (("--ignore=src/app.py", "--ignore", "tests"), ["src/more.py"]),
        (("--ignore-glob=*more*",), ["src/app.py", "tests/helper.py"]),
        (("--ignore-glob=src/*",), ["tests/helper.py"]),
        (("--deselect=src/app.py::cpuperf",), ["src/more.py", "tests/helper.py"]),
        (("-k", "helper"), ["tests/helper.py"]),
        (("--rootdir=elsewhere",), ["src/app.py", "src/more.py", "tests/helper.py"]),
        (("tests/test_it.py::test_it", "src/app.py::cpuperf"), ["src/app.py"]),
        (("tests/test_it.py::test_it",), []),
        (("tests/test_it.py",), []),
    ],
)
def test_arguments_narrow_static_items_as_they_narrow_tests(project, arguments, ids):
    assert failed(run(project, *arguments)) == [f"{name}::cpuperf" for name in ids]


@pytest.mark.parametrize("arguments", [("src",), ("--rootdir=elsewhere", "src")])
def test_each_printed_id_can_be_run(project, arguments):
    for printed in failed(run(project, *arguments)):
        again = run(project, *arguments[:-1], printed)
        assert failed(again) == [printed]
        again.assert_outcomes(failed=1)


def test_an_id_printed_in_a_subfolder_can_be_run_there(project, monkeypatch):
    monkeypatch.chdir(project.path / "tests")
    result = run(project, "../src")
    assert failed(result) == ["../src/app.py::cpuperf", "../src/more.py::cpuperf"]
    run(project, "../src/app.py::cpuperf").assert_outcomes(failed=1)
    # Ids in reports are relative to pytest's root.
    run(project, "src/app.py::cpuperf").assert_outcomes(failed=1)


def test_a_mended_file_passes_by_its_id(project):
    (project.path / "src/app.py").write_text("import torch\n")
    run(project, "src/app.py::cpuperf").assert_outcomes(passed=1)


def test_an_id_of_no_file_is_one_line(project):
    result = run(project, "src/gone.py::cpuperf")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: cpuperf: src/gone.py::cpuperf: expected a file, found nothing there"])


def test_testpaths_do_not_narrow_the_static_checks(project):
    project.makepyprojecttoml('[tool.pytest.ini_options]\ntestpaths = ["tests"]\n')
    expected = ["src/app.py::cpuperf", "src/more.py::cpuperf", "tests/helper.py::cpuperf"]
    assert failed(run(project)) == expected
    pytest.importorskip("xdist")
    assert sorted(failed(run(project, "-n2"))) == expected


def test_workers_are_given_the_same_items(project):
    pytest.importorskip("xdist")
    assert failed(run(project, "-n2", "tests")) == ["tests/helper.py::cpuperf"]
    assert failed(run(project, "-n2", "src/app.py::cpuperf")) == ["src/app.py::cpuperf"]


def test_broken_and_other_files_have_ids_too(project):
    (project.path / "src/broken.py").write_text("import torch\nwith torch.no_grad(:\n")
    (project.path / "requirements.txt").write_text("torch\n")
    (project.path / "Dockerfile").write_text("CMD gunicorn -w 4 app:app\n")
    for name in ("src/broken.py", "Dockerfile"):
        assert failed(run(project, f"{name}::cpuperf")) == [f"{name}::cpuperf"]
