"""Texts of others, made fit for terminals and parsers, and all else left as it is."""

import pytest

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.results.claims import Recommendation
from pytest_cpuperf.results.printable import printable, printable_text
from pytest_cpuperf.results.units import Unit
from tests.helpers.runs import run_result


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", "a␛[31mb"),
        ("a\nb\rc\0d\x7f", "a␊b␍c␀d␡"),
        ("a\x9b31m\x85b", "a\ufffd31m\ufffdb"),
        ("a\u202eb\u2066c\u2028d", "a\ufffdb\ufffdc\ufffdd"),
        ("a\udce9b\ufffe", "a\ufffdb\ufffd"),
        ("\tnaïve 日本 🙂 👩\u200d🔬 \xa0×", "\tnaïve 日本 🙂 👩\u200d🔬 \xa0×"),
    ],
)
def test_what_is_no_text_is_shown_by_a_sign_of_the_same_length(text, shown):
    assert printable_text(text) == shown
    assert len(shown) == len(text)


def test_a_record_without_such_characters_is_itself():
    run = run_result(2)
    assert printable(run) is run


def test_all_texts_of_a_record_are_gone_through():
    run = printable(run_result(name="t\x1b.py::t", label="l\x1b", notes=("n\x1b",), estimate=None, baseline="b\x1b"))
    (test,) = run.tests
    (record,) = test.measurements
    assert (test.id, record.label, record.baseline) == ("t␛.py::t", "l␛", "b␛")
    assert "n␛" in str(record.notes[0])
    assert printable({"k\x1b": (Unit("u\x1b"), [1, None])}) == {"k␛": (Unit("u␛"), [1, None])}
    assert type(printable(Unit("u\x1b"))) is Unit


def test_code_to_paste_keeps_its_lines():
    assert printable(Recommendation("t\n", "a\nb\x1b")) == Recommendation("t␊", "a\nb␛")


def test_an_error_is_one_line_whatever_it_names():
    error = UsageError("no a\x1b[2J\nb.py", "try\r")
    assert (str(error), error.hint) == ("no a␛[2J␊b.py", "try␍")
