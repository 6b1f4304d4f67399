"""Patterns are read as git reads them: git itself is asked."""

import random
import shutil
import subprocess
import sys

import pytest

from pytest_cpuperf.static.discover import discover
from pytest_cpuperf.static.gitignore import IgnorePatterns

NAMES = ("a", "b", "ab", "aab", "abc", "a.py", "foo", "foobar", "a b", "x ", "a]", "[a", "A", "1", "-", "é", "!a", "#a")
PARTS = (
    *("a", "b", "c", "foo", "é", ".py", "A", "-", "!", "#", " ", "\\ ", "]", "[", "\\", "\\*", "\\a", "/", "/", "/"),
    *("*", "*", "*", "?", "**", "***", "**/", "**/", "/**", "/**/", "[a-c]", "[!a]", "[^b]", "[]a]", "[a-]", "[a\\-c]"),
    *("[\\]]", "[z-a]", "[[:alpha:]]", "[[:digit:]x]", "[[:bad:]]", "[[:alpha]", "[[:]", "[!/]", "[a/b]", "[,-.]"),
)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    subprocess.run(["git", "init", "-q", "."], check=True)
    return tmp_path


def ignored_by_git(paths):
    asked = "".join(f"{path}\0" for path in paths).encode()
    command = ["git", "check-ignore", "--no-index", "--stdin", "-z"]
    said = subprocess.run(command, input=asked, capture_output=True, check=False).stdout
    return set(said.decode().split("\0")) - {""}


@pytest.mark.parametrize("seed", range(3))
def test_generated_patterns_ignore_what_git_ignores(repository, seed):
    rng = random.Random(seed)
    ignored = 0
    for _ in range(100):
        globs = ["".join(rng.choices(PARTS, k=rng.randrange(1, 8))) for _ in range(rng.randrange(1, 4))]
        text = "\n".join(("!" if rng.random() < 0.2 else "") + glob for glob in globs)
        (repository / ".gitignore").write_text(text)
        paths = {"/".join(rng.choices(NAMES, k=rng.randrange(1, 7))) for _ in range(60)}
        by_git = ignored_by_git(paths)
        patterns = IgnorePatterns.of_file(text.encode())
        assert {path for path in paths if patterns.ignore(path)} == by_git, text
        ignored += len(by_git)
    assert ignored > 300


FILES = {
    "everything but one folder": b"*\n!*/\n!/keep/**\n",
    "a folder, taken back too late": b"gen/\n!gen/a.py\n",
    "a name that begins with an exclamation mark": b"\\!a.py\n",
    "ends of lines as Windows writes them": b"gen/\r\n\r\n*.pyi\r\n",
    "a byte order mark": b"\xef\xbb\xbfgen\n",
    "a form feed and other ends of lines that are none": b"keep\x0cgen\nkeep\x1cgen\n/gen\xe2\x80\xa8\n",
    "bytes that are no UTF-8": b"\xff\ngen\n",
    "lines that are no patterns": b"!\n/\n\\\n[\n[z-a]\n#gen\n\n  \ngen/\n",
    "spaces at the end": b"gen   \nkeep\\ \n",
}


@pytest.mark.parametrize("name", FILES)
def test_the_files_found_are_those_that_git_lists(repository, name):
    for path in ("gen/a.py", "gen/sub/b.py", "keep/b.py", "keep/sub/c.pyi", "!a.py", "top.py"):
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        (repository / path).write_text("")
    (repository / ".gitignore").write_bytes(FILES[name])
    listed = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard", "-z", "*.py", "*.pyi"], text=True)
    found = discover([repository], repository, ()).files
    assert sorted(str(f.relative_to(repository)) for f in found) == sorted(set(listed.split("\0")) - {""})


def test_a_repositorys_own_list_counts_and_another_repository_has_its_own(repository):
    (repository / ".git/info/exclude").write_text("mine.py\n")
    (repository / ".gitignore").write_text("other.py\n")
    inner = repository / "vendored"
    inner.mkdir()
    subprocess.run(["git", "init", "-q", "."], check=True, cwd=inner)
    for folder in (repository, inner):
        for name in ("mine.py", "other.py", "a.py"):
            (folder / name).write_text("")
    found = [str(f.relative_to(repository)) for f in discover([repository], repository, ()).files]
    assert found == ["a.py", "vendored/a.py", "vendored/mine.py", "vendored/other.py"]


def test_an_ignored_folder_that_is_named_is_not_checked(repository):
    (repository / ".gitignore").write_text("gen/\n")
    (repository / "gen/sub").mkdir(parents=True)
    (repository / "gen/sub/a.py").write_text("")
    assert discover([repository / "gen"], repository, ()).files == []
    assert discover([repository / "gen/sub"], repository, ()).files == []
    assert discover([repository / "gen/sub/a.py"], repository, ()).files == [repository / "gen/sub/a.py"]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups that are matched once need Python 3.11")
@pytest.mark.parametrize(
    ("glob", "path"),
    [
        ("*a" * 20 + "b", "a" * 200),
        ("**/a/" * 20 + "b", "a/" * 60 + "c"),
        ("**/*a*a*a*/" * 8 + "b", "aaaa/" * 30 + "c"),
    ],
)
def test_many_stars_do_not_take_for_ever(glob, path):
    assert IgnorePatterns([glob]).verdict(path, False) is None
