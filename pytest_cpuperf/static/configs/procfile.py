"""Procfiles: `name: command` lines."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_cpuperf.static.configs.launches import Launch, commands, shell_words
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.source.spans import Span

_PROCESS = pattern(r"\s*[A-Za-z0-9_-]+\s*:\s*(.+)")
_ASSIGNMENT = pattern(r"([A-Za-z_]\w*)=(.*)")


def launches(text: str) -> Iterator[Launch]:
    """Yield the servers that a Procfile starts."""
    for number, line in enumerate(text.splitlines(), start=1):
        found = _PROCESS.fullmatch(line)
        if found is None:
            continue
        for command in commands(shell_words(found[1])):
            environment = {}
            words = list(command)
            while words and (given := _ASSIGNMENT.fullmatch(words[0])):
                environment[given[1]] = given[2]
                words.pop(0)
            yield Launch(Span(number, 1, number, len(line) + 1), tuple(words), environment)
