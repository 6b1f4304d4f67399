"""Mutants of sources and documents."""

from __future__ import annotations

import json
import random

from pytest_cpuperf.static.rules import all_rules
from tests.helpers.rules import FILES, language_of, text_of

_BRACKETS = ("(", ")", "[", "]", "{", "}", '"""', "'", "\\")
_CHARACTERS = ("\n", "\r", "\t", "\f", "\x00", "\ufeff", "\u2028", "é", "\U0001f600")
_COMMENTS = ("# noqa", "# noqa: CPU101", "# cpuperf: ignore")
_WORDS = (
    "async ",
    "await ",
    "yield ",
    "lambda: ",
    "with a: ",
    "def f():\n",
    "if x:\n    ",
    "else:\n",
    "return ",
    "del ",
)
_OPERATORS = ("*", "**", ":=", "@", "~", "-", "0x", "1e999", "f'{x}'")
_YAML = ("---\n", "- ", ": ", "&a ", "*a", "!!python/object:os.system ", "%", "<<: ", "${A}", "=", "!", "\\\n")
_PIECES = (*_BRACKETS, *_CHARACTERS, *_COMMENTS, *_WORDS, *_OPERATORS, *_YAML)


def sources() -> dict[str, list[str]]:
    """Return the rules' own examples by language."""
    found: dict[str, list[str]] = {language: [] for language in FILES}
    for rule in all_rules():
        for source in (*rule.VALID, *rule.INVALID, *(before for before, _ in rule.FIXED)):
            found[language_of(rule, source)].append(text_of(source))
    return found


def notebook(source: str) -> str:
    """Return a notebook with a source in its cells."""
    half = len(source.splitlines()) // 2
    lines = source.splitlines(keepends=True)
    cells = [{"cell_type": "code", "source": part, "metadata": {}} for part in (lines[:half], lines[half:])]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def mutant(rng: random.Random, texts: list[str]) -> bytes:
    """Return one of some texts with a few changes: of pieces, of lines, and of bytes."""
    text = rng.choice(texts)
    for _ in range(rng.randrange(1, 5)):
        text = rng.choice((_piece, _lines, _joined, _cut))(rng, text, texts)
    data = text.encode("utf-8", "surrogatepass")
    if rng.random() < 0.2 and data:
        place = rng.randrange(len(data))
        data = data[:place] + bytes([rng.randrange(256)]) + data[place + rng.randrange(2) :]
    return data


def _piece(rng: random.Random, text: str, texts: list[str]) -> str:
    place = rng.randrange(len(text) + 1)
    return text[:place] + rng.choice(_PIECES) * rng.choice((1, 1, 1, 2, 50)) + text[place:]


def _lines(rng: random.Random, text: str, texts: list[str]) -> str:
    lines = text.splitlines(keepends=True)
    rng.shuffle(lines) if rng.random() < 0.2 else lines.insert(
        rng.randrange(len(lines) + 1), rng.choice(lines or ["\n"])
    )
    return "".join(lines)


def _joined(rng: random.Random, text: str, texts: list[str]) -> str:
    other = rng.choice(texts)
    place = rng.randrange(len(text) + 1)
    return text[:place] + other[rng.randrange(len(other)) :] if rng.random() < 0.5 else text + other


def _cut(rng: random.Random, text: str, texts: list[str]) -> str:
    place = rng.randrange(len(text) + 1)
    return text[:place] + text[place + rng.randrange(30) :]


def mutated_document(rng: random.Random, document: object) -> object:
    """Return a JSON document with some of its values replaced, left out or nested."""
    document = json.loads(json.dumps(document))
    for _ in range(rng.randrange(1, 6)):
        places = list(_places(document))
        if not places:
            break
        holder, key = rng.choice(places)
        kind = rng.randrange(3)
        if kind == 0:
            del holder[key]
        elif kind == 1:
            holder[key] = rng.choice(_VALUES)
        else:
            holder[key] = [holder[key]] if rng.random() < 0.5 else {"kind": holder[key]}
    return document


_VALUES = (None, True, -1, 0, 1e308, -1e308, 10**30, "", "x", "\x1b[31m", "\ud800", [], {}, [[]], {"": None}, "NaN")


def _places(value: object):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield value, key
            yield from _places(inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield value, index
            yield from _places(inner)
