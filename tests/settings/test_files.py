"""Where settings come from, and how a value that cannot be is refused: alike as a flag, an ini option and a key."""

import pytest

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.settings.files import load, load_file

WRONG = {
    "max-seconds": ("0", "max-seconds takes a number of seconds above 0, found 0.0"),
    "pin": ('"eahc"', "pin takes one of each, measured, off, found 'eahc' (did you mean 'each'?)"),
    "inconclusive": ('"fial"', "inconclusive takes one of fail, skip, warn, found 'fial' (did you mean 'fail'?)"),
    "static": ('"maybe"', "static takes true or false, found 'maybe'"),
}


@pytest.mark.parametrize(("key", "value", "said"), [(k, *v) for k, v in WRONG.items()], ids=WRONG)
def test_a_wrong_value_is_refused_alike_wherever_it_is_given(project, key, value, said):
    pytester = project(test_it="def test_it(): pass")
    (pytester.path / "pyproject.toml").write_text(f"[tool.cpuperf]\n{key} = {value}\n")
    said = said.replace("found 0.0", "found 0")
    result = pytester.runpytest_subprocess("--cpuperf")
    result.stderr.fnmatch_lines([f"ERROR: cpuperf: *pyproject.toml [[]tool.cpuperf]: {said}"])
    (pytester.path / "pyproject.toml").write_text("[tool.cpuperf]\n")
    text = value.strip('"')
    said = said.replace("found 0", "found 0.0")
    ini = f"cpuperf_{key.replace('-', '_')}={text}"
    pytester.runpytest_subprocess("--cpuperf", "-o", ini).stderr.fnmatch_lines([f"ERROR: cpuperf: *: {said}"])
    if key != "static":
        result = pytester.runpytest_subprocess("--cpuperf", f"--cpuperf-{key}={text}")
        result.stderr.fnmatch_lines([f"ERROR: cpuperf: command line --cpuperf-…: {said}"])


def test_the_nearest_file_counts_and_paths_are_relative_to_it(tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[tool.cpuperf]\nexclude = ["x/"]\n')
    assert (load(inner).root, load(inner).exclude) == (tmp_path, ("x/",))
    (tmp_path / "a" / "cpuperf.toml").write_text("max-seconds = 5\n")
    settings = load(inner)
    assert (settings.root, settings.max_seconds, settings.exclude) == (tmp_path / "a", 5.0, ())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("max-second = 3\n", "unknown key 'max-second' (did you mean 'max-seconds'?)"),
        ('select = ["CPU1011"]\n', "select takes rule codes like 'CPU101', or 'ALL', found 'CPU1011'"),
        ('select = "CPU101"\n', "select takes a list of strings, found 'CPU101'"),
        ('[per-file-ignores]\n"t/*" = ["nope"]\n', "per-file-ignores.t/* takes rule codes like 'CPU101'"),
        ("per-file-ignores = 3\n", "per-file-ignores takes a table of pattern = [codes], found 3"),
        ("baseline = 3\n", "baseline takes a file name, found 3"),
        ("a = \n", "not valid TOML"),
    ],
)
def test_what_a_file_cannot_say_is_one_line_that_names_it(tmp_path, text, said):
    file = tmp_path / "cpuperf.toml"
    file.write_text(text)
    for read in (lambda: load(tmp_path), lambda: load_file(file)):
        with pytest.raises(UsageError) as caught:
            read()
        assert str(caught.value).startswith(f"{file}: ")
        assert said in str(caught.value)


@pytest.mark.parametrize("text", ["[tool]\ncpuperf = 3\n", "tool = 3\n"])
def test_a_pyproject_that_is_odd_is_no_traceback(tmp_path, text):
    (tmp_path / "pyproject.toml").write_text(text)
    if "cpuperf" in text:
        with pytest.raises(UsageError, match="expected a table, found 3"):
            load(tmp_path)
    else:
        assert load(tmp_path).source is None
