"""Where stored runs are: one file for each project and name."""

import itertools
import os
from pathlib import Path

from pytest_cpuperf.results.stored import stored_path

ALIKE = ["a/b-c", "a/b/c", "a-b-c", "a/b c", "a/b.c", "a b/c", "a/b/c-", "A/b-c", "a/b_c", "a/é", "a/è", "", "-"]


def test_projects_whose_paths_look_alike_have_files_of_their_own(tmp_path):
    projects = [Path("/srv", name) for name in ALIKE] + [Path("/")]
    files = [stored_path("main", tmp_path, project, tmp_path) for project in projects]
    for one, other in itertools.combinations(files, 2):
        assert one != other
        assert one.name == other.name == "main.json"


def test_the_folder_says_whose_it_is_and_is_found_again_through_a_link(tmp_path):
    (tmp_path / "my project").mkdir()
    (tmp_path / "link").symlink_to("my project")
    file = stored_path("main", tmp_path, tmp_path / "my project", tmp_path)
    assert file.parent.name.startswith("my-project-")
    assert stored_path("main", tmp_path, tmp_path / "link", tmp_path) == file


def test_paths_that_are_long_or_no_text_have_one_too(tmp_path):
    for name in ("x" * 255, os.fsdecode(b"caf\xe9")):
        file = stored_path("main", tmp_path, tmp_path / name, tmp_path)
        file.parent.mkdir(parents=True)
        assert str(file).isprintable()
