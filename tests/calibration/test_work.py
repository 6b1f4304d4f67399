"""Slower versions of a function: they do more work, in proportion to what a call takes."""

import sys

import pytest

from pytest_cpuperf.calibration.work import Cost, cost, default_function, load, version


def test_a_slower_version_takes_its_share_of_a_call_in_pieces_of_work():
    long = Cost(call_seconds=0.05, piece_seconds=1e-6)
    assert long.calls == 1
    assert [long.pieces(share) for share in (0, 0.03, 0.1)] == [0, 1500, 5000]


def test_short_calls_are_measured_together_so_that_a_small_piece_is_a_small_share():
    short = Cost(call_seconds=1e-6, piece_seconds=1e-6)
    assert short.calls == 1000
    assert short.pieces(0.03) == 30


def test_a_version_calls_the_function_so_often_and_does_the_pieces_after_it(tmp_path, monkeypatch):
    (tmp_path / "counting.py").write_text("calls = []\ndef work(): calls.append(1)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    hashed = []
    monkeypatch.setattr("hashlib.sha256", lambda data: hashed.append(len(data)) or type("", (), {"digest": list})())
    version("counting:work", 3, 5)()
    assert len(sys.modules["counting"].calls) == 3
    assert hashed == [1024] * 5
    del sys.modules["counting"]


def test_the_default_function_needs_no_name():
    assert load(None) is default_function


def test_what_a_call_costs_is_above_nothing():
    found = cost(lambda: None)
    assert found.call_seconds > 0
    assert found.piece_seconds > 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("work", "expected module:name, found 'work'"),
        (":work", "expected module:name"),
        ("no_such_module:work", "cannot be had: ModuleNotFoundError"),
        ("math:no_such", "cannot be had: AttributeError"),
        ("math:pi", "is expected to be a function to call without arguments, found 3.14"),
    ],
)
def test_what_is_no_function_is_said(name, said):
    with pytest.raises(ValueError, match=said):
        load(name)
