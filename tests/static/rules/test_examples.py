"""Each rule against its own examples: the ones on its page are the ones tested."""

import pytest

from pytest_cpuperf.heuristics import HEURISTICS
from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.fixing import fix_source
from pytest_cpuperf.static.rules import all_rules
from pytest_cpuperf.static.rules.base import RuleOptions
from tests.helpers.rules import FILES, language_of, text_of

# The examples of CPU203 are of transformers 4, whatever is installed here.
RULES = all_rules(RuleOptions(transformers="4"))


def cases(kind):
    return [
        pytest.param(rule, language_of(rule, source), text_of(source), id=f"{rule.code}-{i}")
        for rule in RULES
        for i, source in enumerate(getattr(rule, kind))
    ]


def findings_of(rule, language, source, **how):
    """Return what one rule finds; a suppression is unused only where its rule was checked, so CPU001 needs all."""
    rules = RULES if rule.code == "CPU001" else [rule]
    result = check_source(source.encode(), FILES[language], rules, **how)
    assert not result.errors
    return [f for f in result.findings if f.rule == rule.code]


def marked_lines(language, source):
    lines = source.splitlines()
    if language == "python":
        return [i for i, line in enumerate(lines, start=1) if "# <-" in line]
    # A comment ends a line in Python only: elsewhere the mark stands on the line above.
    return [i for i, line in enumerate(lines, start=2) if line.strip() == "# <-"]


@pytest.mark.parametrize("thorough", [False, True])
@pytest.mark.parametrize(("rule", "language", "source"), cases("VALID"))
def test_silent_on_its_valid_examples(rule, language, source, thorough):
    assert findings_of(rule, language, source, thorough=thorough) == []


@pytest.mark.parametrize("thorough", [False, True])
@pytest.mark.parametrize(("rule", "language", "source"), cases("INVALID"))
def test_reports_exactly_the_marked_lines(rule, language, source, thorough):
    wanted = marked_lines(language, source)
    assert wanted, "an invalid example marks its lines with # <-"
    assert [f.line for f in findings_of(rule, language, source, thorough=thorough)] == wanted


FIXES = [pytest.param(r, *pair, id=f"{r.code}-{i}") for r in RULES for i, pair in enumerate(r.FIXED)]


@pytest.mark.parametrize(("rule", "before", "after"), FIXES)
def test_fixes_do_what_the_page_shows_and_are_done_once(rule, before, after):
    rules = RULES if rule.code == "CPU001" else [rule]
    fixed, applied, _ = fix_source(before.encode(), FILES[rule.languages[0]], rules, unsafe=True)
    assert fixed.decode() == after
    assert applied
    assert fix_source(fixed, FILES[rule.languages[0]], rules, unsafe=True)[1] == 0


@pytest.mark.parametrize(("rule", "language", "source"), cases("VALID"))
def test_what_is_left_alone_in_an_example_is_left_alone_with_a_reason(rule, language, source):
    result = check_source(source.encode(), FILES[language], [rule], thorough=True)
    assert all(s.because for s in result.silenced)


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


TABLE = [
    "CPU001",
    "CPU101",
    "CPU102",
    "CPU103",
    "CPU104",
    "CPU201",
    "CPU202",
    "CPU203",
    "CPU204",
    "CPU301",
    "CPU302",
    "CPU303",
    "CPU304",
    "CPU305",
    "CPU306",
    "CPU401",
    "CPU402",
    "CPU403",
    "CPU404",
    "CPU405",
    "CPU406",
    "CPU501",
    "CPU502",
]
OFF = {"CPU102", "CPU103", "CPU104", "CPU202", "CPU203", "CPU302", "CPU305", "CPU402", "CPU403", "CPU501"}


def test_all_rules_are_there_and_on_as_documented():
    assert sorted({r.code for r in RULES}) == TABLE
    assert {r.code for r in RULES if not r.on_by_default} == OFF
