"""Mutated sources and configurations: findings or one line under `errors`, never a traceback, and fixes that hold.

`CPUPERF_FUZZ_COUNT=100000 pytest -m slow tests/fuzz` runs longer; `CPUPERF_FUZZ_SEED` repeats a run.
"""

import pytest

from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.fixing import fix_source
from pytest_cpuperf.static.gitignore import IgnorePatterns
from pytest_cpuperf.static.rules import all_rules
from pytest_cpuperf.static.source import libcst_trial
from pytest_cpuperf.static.source.from_ast import parsed_by_ast
from tests.fuzz.mutation import mutant, notebook, sources
from tests.helpers.drawing import COUNT, SEED, drawn, told
from tests.helpers.rules import FILES

pytestmark = pytest.mark.slow
RULES = all_rules()
SOURCES = sources()
KINDS = {name: SOURCES[language] for language, name in FILES.items()}
KINDS |= {"torn.ipynb": [notebook(source) for source in SOURCES["python"]], "cells.ipynb": SOURCES["python"]}


@pytest.fixture(autouse=True)
def libcst_in_this_process(monkeypatch):
    """Try libcst in this process: no mutant nests so deep that it dies of it, and a process each would take hours."""

    def try_libcst(text):
        refusal = libcst_trial._refusal(text)
        if refusal is not None:
            raise libcst_trial.Refusal(*refusal)

    monkeypatch.setattr(libcst_trial, "try_libcst", try_libcst)


@pytest.mark.parametrize("name", KINDS)
def test_mutants_are_checked_and_fixed_without_a_traceback(name):
    texts = KINDS[name]
    rng = drawn(name)
    checked = fixed = 0
    for number in range(COUNT):
        data = mutant(rng, texts)
        if name == "cells.ipynb":
            data = notebook(data.decode("utf-8", "replace")).encode()
        with told(f"mutant {number} of {name}: {data!r}"):
            result = check_source(data, name, RULES)
            assert all("\n" not in e.message for e in result.errors)
            after, applied, _ = fix_source(data, name, RULES, unsafe=True)
            if applied and name == "a.py":
                parsed_by_ast(after)
        checked += not result.errors
        fixed += applied > 0
    print(f"{name}: {COUNT} mutants, {checked} without an error, {fixed} with a fix, seed {SEED}")
    assert checked > COUNT / 100, "mutants that nothing can read show nothing"


def test_any_lines_are_patterns_or_nothing():
    rng = drawn("patterns")
    alphabet = "ab*?[]!/\\ #-^.\t{}:"
    for number in range(COUNT):
        lines = ["".join(rng.choices(alphabet, k=rng.randrange(12))) for _ in range(rng.randrange(1, 4))]
        path = "/".join("".join(rng.choices("ab.-", k=rng.randrange(1, 4))) for _ in range(rng.randrange(1, 4)))
        with told(f"{number}: {lines!r} on {path!r}"):
            IgnorePatterns(lines).ignore(path)
