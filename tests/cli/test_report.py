"""`cpuperf report RESULTS… -o FILE`: shards in, one report out."""

from dataclasses import replace

import pytest

from pytest_cpuperf.reports.files import write_run
from tests.helpers.runs import run_result


@pytest.fixture
def shards(tmp_path):
    """Write two shards that share a test."""
    paths = []
    for name, test in (("a", "t.py::one"), ("b", "t.py::two")):
        run = run_result(name=test)
        paths.append(tmp_path / f"{name}.json")
        write_run(paths[-1], replace(run, tests=(*run.tests, *run_result(name="t.py::both").tests)), ".json")
    return paths


def test_shards_become_one_page_and_doubles_are_told(cpuperf_command, shards, tmp_path):
    pytest.importorskip("jinja2")
    code, out, err = cpuperf_command("report", *shards, "-o", tmp_path / "page.html")
    assert (code, out) == (0, "")
    assert err == "cpuperf: t.py::both is in more than one file: the first is kept\n"
    text = (tmp_path / "page.html").read_text()
    assert "3 of 3 budgets hold" in text
    assert all(name in text for name in ("t.py::one", "t.py::two", "t.py::both"))


def test_other_forms_are_chosen_by_the_files_ending(cpuperf_command, shards, tmp_path):
    for name, said in (("t.md", "### cpuperf: 3 of 3 budgets hold"), ("m.txt", "# EOF"), ("one.json", '"machines"')):
        assert cpuperf_command("report", *shards, "-o", tmp_path / name)[0] == 0
        assert said in (tmp_path / name).read_text()
    again = cpuperf_command("report", tmp_path / "one.json", shards[0], "-o", tmp_path / "two.json")
    assert again[0] == 0
    assert (tmp_path / "two.json").read_text() == (tmp_path / "one.json").read_text()


def test_wrong_use_is_one_line(cpuperf_command, shards, tmp_path):
    code, _, err = cpuperf_command("report", *shards, "-o", tmp_path / "page.htm")
    assert code == 2
    assert err.startswith("cpuperf: -o takes a file ending in .html, .json, .md, .txt, found ")
    code, _, err = cpuperf_command("report", tmp_path / "none.json", "-o", tmp_path / "page.html")
    assert code == 2
    assert "expected a results file, found none" in err
