"""Records to JSON and back: one pair of functions for every record, driven by the records' own types.

A record whose class has a `kind` is written with it, and read back as the class of that kind.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from typing import Any, ClassVar, TypeVar, Union

from pytest_cpuperf.errors import shown

Record = TypeVar("Record")
Decoder = Callable[[Any, str], Any]
"""Takes a JSON value and where it stands, for messages."""


class Kinds:
    """A family of records, one class a kind: each is written with its `kind` and read back as the class of that kind.

    The root of a family names itself with `family=True`; a subclass without a `kind` of its own fails at import.
    """

    kind: ClassVar[str]
    kinds: ClassVar[dict[str, type]]

    def __init_subclass__(cls, family: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if family:
            cls.kinds = {}
            return
        if not isinstance(cls.__dict__.get("kind"), str):
            raise TypeError(f"{cls.__name__} needs a `kind`: the word that JSON knows it by")
        known = cls.kinds.get(cls.kind)
        # A module that is loaded anew registers its class anew.
        if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(f"{cls.__name__} and {known.__name__} have the same kind, {cls.kind!r}")
        cls.kinds[cls.kind] = cls

    @classmethod
    def unknown(cls, value: Mapping[str, Any]) -> Kinds | None:
        """Return a record in place of one whose kind nobody here knows; None where there is no such thing."""
        return None


class DecodeError(ValueError):
    """A JSON value is not what the record needs. The message says where it stands, what was expected and found."""


def to_json(record: Any, describe: Callable[[Any], Mapping[str, Any]] | None = None) -> Any:
    """Return a record as plain data: dictionaries, lists, strings, numbers, None.

    Figures that are no numbers become None. `describe` may add fields to a record of a kind, for people: reading
    ignores what a record does not know.
    """
    if isinstance(record, float):
        return record if math.isfinite(record) else None
    if record is None or isinstance(record, (bool, int)):
        return record
    if isinstance(record, Enum):
        return record.value
    if isinstance(record, str):
        return str(record)
    if isinstance(record, (tuple, list)):
        return [to_json(value, describe) for value in record]
    if isinstance(record, Mapping):
        return {str(key): to_json(value, describe) for key, value in record.items()}
    written: dict[str, Any] = {"kind": record.kind} if isinstance(record, Kinds) else {}
    for name, as_part, omit in _fields_to_write(record.__class__):
        value = getattr(record, name)
        if as_part:
            written |= to_json(value, describe)
        elif not (omit and value is None):
            written[name] = to_json(value, describe)
    if describe is not None and isinstance(record, Kinds):
        written |= describe(record)
    return written


def from_json(record: type[Record], value: Any, where: str = "") -> Record:
    """Return the record that `to_json` wrote as `value`. Raises DecodeError."""
    kind: Any = record  # not every type is known to be hashable
    decoded: Record = _decoder(kind)(value, where)
    return decoded


def part(schema: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Any:
    """Return the field of a mapping whose entries are written beside the record's own fields.

    `schema` returns the JSON schema of the entries that are known, by name.
    """
    return dataclasses.field(default_factory=dict, metadata={"part": schema})


def only_if_given() -> Any:
    """Return a field, None by default, that is not written where it is None."""
    return dataclasses.field(default=None, metadata={"omit": True})


@cache
def _fields_to_write(record: Any) -> tuple[tuple[str, bool, bool], ...]:
    return tuple((f.name, "part" in f.metadata, "omit" in f.metadata) for f in dataclasses.fields(record))


@cache
def _decoder(kind: Any) -> Decoder:
    """Return the function that reads values of a type."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        return _union(kind, arguments)
    if origin is typing.Literal:
        return _literal(arguments)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return _sequence(arguments[0])
        return _fixed(arguments)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(arguments[1])
    if kind is Any:
        return lambda value, where: value
    if not isinstance(kind, type):
        raise TypeError(f"records cannot hold {kind!r}")
    if issubclass(kind, Kinds) and "kinds" in kind.__dict__:
        return _of_kind(kind)
    if dataclasses.is_dataclass(kind):
        return _record(kind)
    if issubclass(kind, Enum):
        return _enum(kind)
    return _scalar(kind)


def _scalar(kind: type) -> Decoder:
    if kind is float:
        return _number
    expected = {bool: "true or false", int: "a whole number", type(None): "null"}.get(kind, "text")
    plain = str if issubclass(kind, str) else kind

    def decode(value: Any, where: str) -> Any:
        if type(value) is not plain:
            raise _wrong(where, expected, value)
        return value if plain is kind else kind(value)

    return decode


def _number(value: Any, where: str) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _wrong(where, "a number", value)
    try:
        return float(value)
    except OverflowError:
        raise _wrong(where, "a number that a float can hold", value) from None


def _literal(values: tuple[Any, ...]) -> Decoder:
    def decode(value: Any, where: str) -> Any:
        if not any(value == v and type(value) is type(v) for v in values):
            raise _wrong(where, f"one of {', '.join(map(str, values))}", value)
        return value

    return decode


def _enum(kind: type[Enum]) -> Decoder:
    members = {m.value: m for m in kind}

    def decode(value: Any, where: str) -> Enum:
        if not isinstance(value, str) or value not in members:
            raise _wrong(where, f"one of {', '.join(members)}", value)
        return members[value]

    return decode


def _union(kind: Any, arguments: tuple[Any, ...]) -> Decoder:
    rest = [a for a in arguments if a is not type(None)]
    nullable = len(rest) < len(arguments)
    if len(rest) > 1:
        # Of several types the first that fits: int before float, record before text.
        decoders = [_decoder(a) for a in rest]

        def first(value: Any, where: str) -> Any:
            for decoder in decoders:
                try:
                    return decoder(value, where)
                except DecodeError:
                    continue
            raise _wrong(where, " or ".join(getattr(a, "__name__", str(a)) for a in rest), value)

        inner: Decoder = first
    else:
        inner = _decoder(rest[0])
    return (lambda value, where: None if value is None else inner(value, where)) if nullable else inner


def _sequence(item: Any) -> Decoder:
    inner = _decoder(item)

    def decode(value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)):
            raise _wrong(where, "a list", value)
        return tuple([inner(v, f"{where}[{n}]") for n, v in enumerate(value)])

    return decode


def _fixed(items: tuple[Any, ...]) -> Decoder:
    inner = [_decoder(item) for item in items]

    def decode(value: Any, where: str) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)) or len(value) != len(inner):
            raise _wrong(where, f"a list of {len(inner)}", value)
        return tuple(d(v, f"{where}[{n}]") for n, (d, v) in enumerate(zip(inner, value, strict=True)))

    return decode


def _mapping(item: Any) -> Decoder:
    inner = _decoder(item)

    def decode(value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _wrong(where, "an object", value)
        return {str(k): inner(v, f"{where}.{k}") for k, v in value.items()}

    return decode


def _of_kind(family: type[Kinds]) -> Decoder:
    def decode(value: Any, where: str) -> Any:
        if not isinstance(value, Mapping):
            raise _wrong(where, "an object", value)
        kind = value.get("kind")
        record = family.kinds.get(kind) if isinstance(kind, str) else None
        if record is None:
            instead = family.unknown(value) if isinstance(kind, str) else None
            if instead is not None:
                return instead
            raise _wrong(f"{where}.kind", f"one of {', '.join(family.kinds)}", kind)
        return _record(record)(value, where)

    return decode


@cache
def _record(record: Any) -> Decoder:
    hints = typing.get_type_hints(record)
    own: list[tuple[str, Decoder, bool]] = []
    parts: list[tuple[str, Decoder, bool]] = []
    for f in dataclasses.fields(record):
        needed = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        (parts if "part" in f.metadata else own).append((f.name, _decoder(hints[f.name]), needed))
    names = {"kind", *(name for name, _, _ in own)}

    def decode(value: Any, where: str) -> Any:
        if not isinstance(value, Mapping):
            raise _wrong(where, "an object", value)
        found = {}
        for name, inner, needed in own:
            place = f"{where}.{name}" if where else name
            if name in value:
                found[name] = inner(value[name], place)
            elif needed:
                raise DecodeError(f"{place} is missing")
        for name, inner, _ in parts:
            found[name] = inner({k: v for k, v in value.items() if k not in names}, where)
        return record(**found)

    return decode


def _wrong(where: str, expected: str, found: Any) -> DecodeError:
    return DecodeError(f"{where or 'the document'} takes {expected}, found {shown(found)}")
