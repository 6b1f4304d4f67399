"""Two commands at once, and files that change while they are fixed: nothing of anybody's is lost or torn."""

import pytest

from pytest_cpuperf.results.document import read_results
from tests.faults.running import Command
from tests.faults.trees import FIX, FIXED, MEASURE, SOURCE, left, measured, sources, states, whole
from tests.helpers.drawing import COUNT, drawn, told

pytestmark = pytest.mark.slow
MANY, SOME = COUNT // 40, COUNT // 150


def test_two_fixes_of_one_tree_that_fill_one_cache(runner, tmp_path):
    for number in range(SOME):
        with told(f"run {number}"):
            folder = sources(tmp_path / str(number), 9)
            for ran in runner.run(Command(folder, FIX), Command(folder, FIX)):
                assert ran.code in (0, 1, 2)
            whole(folder)
            assert set(states(folder)) == {FIXED}
            runner.run(Command(folder, FIX))
            assert left(folder) == []


def test_runs_that_store_under_one_name_at_once(runner, tmp_path):
    names = ("a", "b", "c")
    for number in range(SOME):
        with told(f"run {number}"):
            folder = measured(tmp_path / str(number), *names)
            store = [*MEASURE, "--no-cpuperf-static", "--cpuperf-save=main.json", "--cpuperf-inconclusive=warn"]
            runner.run(*(Command(folder, [*store, f"test_{name}.py"]) for name in names))
            stored = {test.id for test in read_results(folder / "main.json").tests}
            assert stored == {f"test_{name}.py::test_{name}" for name in names}


def test_a_file_that_is_changed_while_it_is_fixed(runner, tmp_path):
    rng = drawn("races: edits")
    (plain,) = runner.run(Command(sources(tmp_path / "plain", 6), FIX))
    for number in range(MANY):
        how, step = rng.choice(("write", "link", "fifo", "folder")), rng.randrange(1, plain.steps + 1)
        with told(f"run {number}: {how} at step {step} of {plain.steps}"):
            folder = sources(tmp_path / str(number), 6)
            (ran,) = runner.run(Command(folder, FIX, step, "edit", how))
            assert ran.code in (0, 1, 2)
            for file in folder.glob("part*/*.py"):
                if file.is_symlink():
                    assert str(file.readlink()) == "/etc/hostname"
                elif file.is_file():
                    assert file.read_text() in (SOURCE, FIXED, "# theirs\n")
            if how == "write":
                lost = [f for f in folder.rglob("*.py") if f.read_text() == "# theirs\n"]
                edited = "# theirs" in ran.output or lost or "changed" in ran.output
                assert edited or set(states(folder)) == {FIXED}
