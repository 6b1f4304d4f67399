"""Records to JSON and back: what is written is read as the same records."""

import dataclasses
import json
import math
import random
import types
import typing
from collections.abc import Mapping
from enum import Enum

import pytest

from pytest_cpuperf.reports import sentences  # noqa: F401 - words for remarks
from pytest_cpuperf.results.codec import DecodeError, Kinds, from_json, to_json
from pytest_cpuperf.results.measurements import Measurement, ThroughputMeasurement
from pytest_cpuperf.results.remarks import Remark, Stated
from pytest_cpuperf.results.remarks.measuring import ThreadsLeft
from pytest_cpuperf.results.run import RunResult

WORDS = ("", "encode", "×", "0-1", "ein Satz mit „Zeichen“", "\x00\n", "texts/s")


def invented(kind, dice):
    """Return a value of a type, as the records declare it."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return invented(dice.choice(arguments), dice)
    if origin is typing.Literal:
        return dice.choice(arguments)
    if origin is tuple:
        length = dice.randrange(3) if arguments[-1] is ... else len(arguments)
        return tuple(invented(arguments[0 if arguments[-1] is ... else n], dice) for n in range(length))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {f"key {n}": invented(arguments[1], dice) for n in range(dice.randrange(3))}
    if issubclass(kind, Kinds) and "kinds" in kind.__dict__:
        kind = dice.choice(sorted(kind.kinds.values(), key=lambda k: k.kind))
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(**{f.name: invented(hints[f.name], dice) for f in dataclasses.fields(kind)})
    if issubclass(kind, Enum):
        return dice.choice(list(kind))
    if kind is bool:
        return dice.random() < 0.5
    if kind is int:
        return dice.randrange(-3, 2**40)
    if kind is float:
        return dice.choice([0.0, 1.5e-9, -2.0, 1e300, dice.random()])
    if kind is type(None):
        return None
    return kind(dice.choice(WORDS))


@pytest.mark.parametrize("seed", range(100))
def test_a_run_is_read_back_as_it_was(seed):
    run = invented(RunResult, random.Random(seed))
    document = json.loads(json.dumps(to_json(run), allow_nan=False))
    assert from_json(RunResult, document) == run


def test_every_kind_of_measurement_and_remark_comes_back_as_its_own_class():
    dice = random.Random(7)
    for family in (Measurement, Remark):
        for kind in family.kinds.values():
            record = invented(kind, dice)
            assert type(from_json(family, to_json(record))) is kind


def test_a_figure_that_is_no_number_is_null_and_no_number_again():
    written = to_json(Stated("x")) | {"kind": "throughput"}
    assert written == {"kind": "throughput", "text": "x"}
    record = invented(ThroughputMeasurement, random.Random(1))
    record = dataclasses.replace(record, seconds_spent=math.nan)
    assert to_json(record)["seconds_spent"] is None
    assert math.isnan(from_json(Measurement, to_json(record)).seconds_spent)


def test_a_remark_that_nobody_knows_keeps_its_words():
    written = {"kind": "from another package", "temperature": 93, "text": "the CPU was at 93 °C"}
    assert from_json(Remark, written) == Stated("the CPU was at 93 °C")


def test_a_measurement_that_nobody_knows_is_damage_that_says_where():
    with pytest.raises(DecodeError, match=r"^tests\[0\].measurements\[0\].kind takes one of .*, found 'voltage'$"):
        from_json(
            RunResult,
            {
                "version": "1",
                "machine": {"fingerprint": "f", "cpus": [0]},
                "tests": [{"id": "t", "outcome": "passed", "measurements": [{"kind": "voltage"}]}],
            },
        )


def test_a_record_without_a_kind_fails_when_it_is_defined():
    with pytest.raises(TypeError, match="Nameless needs a `kind`"):

        class Nameless(Remark):
            pass

    with pytest.raises(TypeError, match="Twin and Stated have the same kind, 'stated'"):

        class Twin(Remark):
            kind = "stated"

    assert Remark.kinds["stated"] is Stated


def test_a_remark_is_its_words_as_text():
    assert str(Stated("as it was said")) == "as it was said"
    assert str(ThreadsLeft(70)) == "its calls leave threads behind: 70 more than when the test began"
