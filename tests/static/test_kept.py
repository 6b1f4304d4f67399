"""A fix changes what it replaces and nothing around it, or nothing is written."""

import pytest

from pytest_cpuperf.static.fixing import fix_source
from pytest_cpuperf.static.rules import all_rules
from pytest_cpuperf.static.rules.base import ConfigRule, Mend, PythonRule, Report
from pytest_cpuperf.static.source.spans import Span

COMMENTS = {
    "x = 10  # noqa: CPU101 - 5": "x = 10  # - 5",
    "x = 10  # noqa: CPU101 (5)": "x = 10  # (5)",
    "x = [10,  # noqa: CPU101, - 5": "x = [10,  # , - 5",
    "x = 10  # noqa: CPU101 # - 5": "x = 10  # - 5",
    "x = 10  # seen # noqa: CPU101": "x = 10  # seen",
    "x = 10  # noqa: CPU101 nosec": "x = 10  # noqa: CPU101 nosec",
    "x = 10  # noqa: CPU101 type: int": "x = 10  # noqa: CPU101 type: int",
    "x = 10  # noqa:E501,CPU101 why": "x = 10  # noqa:E501 why",
    "x = 10  # noqa: python3, CPU101": "x = 10  # noqa: python3",
    "x = 10  # cpuperf: ignore[CPU101] - 5": "x = 10",
    "x = 10  # cpuperf: ignore[CPU101, ABC123] why": "x = 10  # cpuperf: ignore[ABC123] why",
    "x = 10  # cpuperf: ignore[CPU101] # - 5": "x = 10  # - 5",
}


@pytest.mark.parametrize(("before", "after"), COMMENTS.items())
def test_what_else_a_comment_says_stays_a_comment(project, cpuperf_command, before, after):
    end = "\n]\n" if "[10" in before else "\n"
    pytester = project(m=before + end)
    cpuperf_command("check", "--fix")
    text = (pytester.path / "m.py").read_text()
    assert text == after + end
    compile(text, "m.py", "exec")


class Spoiling(PythonRule):
    """Replaces a marked place by something that reaches beyond it."""

    code, name, heuristic = "SPOIL100", "spoiling", None
    trigger, live, VALID, INVALID = (b"MARK",), "MARK", ("x = 1",), ("MARK # <-",)
    edits: tuple = ()

    def check(self, module):
        for edit in self.edits:
            yield Report(edit[0], "spoilt", "do not", Mend("safe", "spoil", (edit,)))


class SpoilingProperties(ConfigRule):
    """Adds an entry after the last line."""

    code, name, heuristic = "SPOIL101", "spoiling-properties", None
    languages, trigger, VALID, INVALID = ("properties",), (b"models",), ("a=b",), ("models=a # <-",)

    def check_properties(self, config):
        last = config.entries[-1].place
        after = last._replace(line=last.end_line, column=last.end_column)
        yield Report(after, "no c", "add it", Mend("safe", "add", ((after, "\nc=d"),)))


SOURCE = 'MARK = 1\nif MARK:\n    MARK = "a b"\n    y = MARK\nz = 2\n'
SPOILT = {
    "it does not parse": (Span(1, 8, 1, 9), "("),
    "the rest becomes a comment": (Span(2, 4, 2, 8), "x: # "),
    "the compiler refuses it": (Span(4, 1, 4, 1), "    nonlocal MARK\n"),
    "it joins a name": (Span(1, 1, 1, 1), "x"),
    "it cuts a string": (Span(3, 13, 3, 14), "c"),
    "it ends a string": (Span(3, 12, 3, 13), '"; a = "'),
    "a statement moves out of its block": (Span(4, 1, 4, 5), ""),
    "a statement moves into a block": (Span(5, 1, 5, 1), "    "),
    "a line is joined to the next": (Span(4, 13, 5, 1), "; "),
    "a line is split": (Span(1, 6, 1, 6), "\n"),
}


@pytest.mark.parametrize("edit", SPOILT.values(), ids=SPOILT)
def test_a_fix_that_changes_what_is_around_it_is_not_made(edit):
    rule = Spoiling()
    rule.edits = (edit,)
    assert fix_source(SOURCE.encode(), "a.py", [rule], unsafe=False)[:2] == (SOURCE.encode(), 0)


def test_the_other_fixes_of_the_file_are_made():
    source = SOURCE + "w = 1  # noqa: CPU101\n"
    rule = Spoiling()
    rule.edits = (SPOILT["it cuts a string"], (Span(5, 5, 5, 6), "3"))
    fixed, _, _ = fix_source(source.encode(), "a.py", [*all_rules(), rule], unsafe=False)
    assert fixed.decode() == SOURCE.replace("z = 2", "z = 3") + "w = 1\n"


def test_a_fix_that_is_not_made_is_told(project, cpuperf_command):
    pytester = project(m="x = 1  # noqa: CPU101\ny = (\n", n="z = 1  # noqa: CPU101\n")
    code, out, err = cpuperf_command("check", "--fix", "--format", "concise")
    assert code == 1
    assert err == "m.py:1:8: CPU001 was not fixed: the code around the fix would not stay what it is\n"
    assert out == "m.py:1:8: CPU001 this suppression of CPU101 silences nothing\n"
    assert (pytester.path / "n.py").read_text() == "z = 1\n"


def test_nothing_is_written_where_the_file_is_broken_elsewhere(project, cpuperf_command):
    source = "x = 1  # noqa: CPU101\ny = (\n"
    pytester = project(m=source)
    cpuperf_command("check", "--fix")
    assert (pytester.path / "m.py").read_text() == source


@pytest.mark.parametrize(("last", "made"), [("models=a", True), ("models=a\\", False)])
def test_an_entry_of_a_configuration_does_not_become_part_of_another(last, made):
    source = f"model_store=/m\n{last}"
    fixed, _, _ = fix_source(source.encode(), "config.properties", [SpoilingProperties()], unsafe=False)
    assert (fixed.decode() != source) == made
