"""Texts of others (names of files, tests and threads, labels, variables of other processes) made fit to be shown.

A terminal takes some characters for commands, an XML parser refuses them, and a line break lets a name pass for a line
of its own. Each is replaced by one that shows it, so that columns stay as they are. JSON can hold them all.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from typing import Any, TypeVar

Record = TypeVar("Record")

# Controls but the tab, marks that turn the direction of text (Unicode's "Trojan Source"), line separators, halves of
# surrogate pairs, and what XML cannot hold.
_CONTROLS = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)


def printable_text(text: str) -> str:
    """Return a text with `␛` for an escape, `␊` for a line break, and so on; `\ufffd` for what has no such sign."""
    return text if text.isprintable() else _CONTROLS.sub(_sign, text)


def printable(record: Record) -> Record:
    """Return a record, or a collection of them, with `printable_text` applied to all it holds."""
    shown: Record = _shown(record)
    return shown


def of_lines() -> dict[str, bool]:
    """Return what a field's `metadata` says where its text may have several lines."""
    return {"of_lines": True}


def _sign(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"


def _shown(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, Enum)):
        return value
    if isinstance(value, str):
        shown = printable_text(value)
        return value if shown == value else type(value)(shown)
    if isinstance(value, (tuple, list)):
        return type(value)([_shown(one) for one in value])
    if dataclasses.is_dataclass(value):
        return _shown_record(value)
    return {_shown(key): _shown(one) for key, one in value.items()} if isinstance(value, Mapping) else value


def _shown_record(record: Any) -> Any:
    changes: dict[str, Any] = {}
    for name, show in _fields(record.__class__):
        held = getattr(record, name)
        shown = show(held)
        if shown is not held and shown != held:
            changes[name] = shown
    return dataclasses.replace(record, **changes) if changes else record


@cache
def _fields(kind: Any) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    return tuple((f.name, _shown_lines if "of_lines" in f.metadata else _shown) for f in dataclasses.fields(kind))


def _shown_lines(text: str) -> str:
    return "\n".join(map(printable_text, text.split("\n")))
