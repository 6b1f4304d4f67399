"""Each rule against its own examples: the ones on its page are the ones tested."""

import textwrap

import pytest

from pytest_cpuperf.heuristics import HEURISTICS
from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.rules import all_rules

RULES = all_rules()


def cases(kind):
    for rule in RULES:
        for i, source in enumerate(getattr(rule, kind)):
            yield pytest.param(rule, textwrap.dedent(source).lstrip(), id=f"{rule.code}-{i}")


@pytest.mark.parametrize(("rule", "source"), list(cases("VALID")))
def test_silent_on_its_valid_examples(rule, source):
    result = check_source(source.encode(), "a.py", [rule])
    assert not result.findings
    assert not result.errors


@pytest.mark.parametrize(("rule", "source"), list(cases("INVALID")))
def test_reports_exactly_the_marked_lines(rule, source):
    wanted = [i for i, line in enumerate(source.splitlines(), start=1) if "# <-" in line]
    assert wanted, "an invalid example marks its lines with # <-"
    result = check_source(source.encode(), "a.py", [rule])
    assert [f.line for f in result.findings] == wanted


@pytest.mark.parametrize("rule", RULES, ids=lambda r: r.code)
def test_page_names_a_known_heuristic_and_says_the_usual_things(rule):
    assert rule.heuristic is None or rule.heuristic in HEURISTICS
    for section in (
        "## What it does",
        "## Why is this bad?",
        "## Example",
        "## Use instead",
        "## When it stays silent",
    ):
        assert section in type(rule).__doc__


def test_codes_are_unique_and_known_from_the_page():
    assert [r.code for r in RULES] == ["CPU101", "CPU201", "CPU301"]
