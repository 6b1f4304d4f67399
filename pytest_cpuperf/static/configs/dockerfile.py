"""Dockerfiles: instructions with their places, whatever their continuations, heredocs and encoding."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

from pytest_cpuperf.static.configs.launches import Launch, commands, shell_words
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.source.spans import Span

_ESCAPE = pattern(r"#\s*escape\s*=\s*([\\`])", re.IGNORECASE)
_DIRECTIVE = pattern(r"#\s*\w+\s*=")
_INSTRUCTION = pattern(r"\s*([A-Za-z]+)\s+(.*)", re.DOTALL)
_HEREDOC = pattern(r"<<-?[\"']?([A-Za-z_]\w*)[\"']?")
_PAIR = pattern(r"([A-Za-z_]\w*)=(\"(?:[^\"\\]|\\.)*\"|'[^']*'|\S*)")


class Instruction(NamedTuple):
    """One instruction."""

    name: str
    """Upper case."""
    rest: str
    """What follows, continuations joined."""
    line: int
    end_line: int


def instructions(text: str) -> Iterator[Instruction]:
    """Yield a Dockerfile's instructions. The bodies of heredocs are left out: they are files or scripts."""
    lines = text.splitlines()
    escape = "\\"
    number = 0
    while number < len(lines) and _DIRECTIVE.match(lines[number]):
        found = _ESCAPE.match(lines[number])
        escape = found[1] if found else escape
        number += 1
    while number < len(lines):
        first = number
        parts: list[str] = []
        while number < len(lines):
            line = lines[number]
            number += 1
            if line.lstrip().startswith("#") or (parts and not line.strip()):
                if not parts:
                    break
                continue  # comments and blank lines between the parts of an instruction
            stripped = line.rstrip()
            if not stripped.endswith(escape):
                parts.append(line)
                break
            parts.append(stripped[:-1])
        found_instruction = _INSTRUCTION.fullmatch(" ".join(parts)) if parts else None
        if found_instruction is None:
            continue
        name, rest = found_instruction[1].upper(), found_instruction[2].strip()
        end = number
        for word in _HEREDOC.findall(rest) if name in ("RUN", "COPY", "ADD") else ():
            while number < len(lines) and lines[number].strip() != word:
                number += 1
            number += 1
        yield Instruction(name, rest, first + 1, end)


def launches(text: str) -> Iterator[Launch]:
    """Yield the servers that a Dockerfile's ENTRYPOINT and CMD start, with the environment set up to there."""
    environment: dict[str, str] = {}
    entry: tuple[list[str], bool] = ([], False)
    lines = text.splitlines()
    for name, rest, line, end_line in instructions(text):
        if name == "FROM":
            environment, entry = {}, ([], False)
        elif name in ("ENV", "ARG"):
            environment.update(_pairs(rest))
        elif name == "ENTRYPOINT":
            entry = _command(rest)
        if name not in ("ENTRYPOINT", "CMD"):
            continue
        words = entry[0] if name == "ENTRYPOINT" else [*(entry[0] if entry[1] else ()), *_command(rest)[0]]
        place = Span(line, 1, end_line, len(lines[end_line - 1]) + 1)
        for command in commands(words):
            yield Launch(place, command, dict(environment))


def _command(rest: str) -> tuple[list[str], bool]:
    """Return a command's words, and whether they are its exec form: a JSON list."""
    if rest.startswith("["):
        try:
            words = json.loads(rest)
        except (ValueError, RecursionError):
            return shell_words(rest), False
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            # `["sh", "-c", "gunicorn …"]` is a shell's command line
            if len(words) > 2 and words[0].rpartition("/")[2] in ("sh", "bash", "ash") and "c" in words[1]:
                return shell_words(words[2]), False
            return [part for word in words for part in (shell_words(word) if word.startswith("$") else [word])], True
    return shell_words(rest), False


def _pairs(rest: str) -> dict[str, str]:
    pairs = {name: value.strip("\"'") for name, value in _PAIR.findall(rest)}
    if pairs:
        return pairs
    name, _, value = rest.partition(" ")  # the old form: `ENV NAME value`
    return {name: value.strip("\"' ")} if value else {}
