"""Servers that a file starts, and with how many workers: gunicorn, uvicorn, hypercorn, granian."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from pytest_cpuperf.static.source.neighbours import LIBRARIES, NOWHERE, SETS_THREADS, Neighbours
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.source.spans import Span

SERVERS = frozenset({"gunicorn", "uvicorn", "hypercorn", "granian", "fastapi"})
_SEPARATORS = frozenset({"&&", "||", ";", "|", "&"})
# Arithmetic of the shell, and what prints how many CPUs there are.
_ARITHMETIC = pattern(r"\$\(\(((?:[^()]|\([^()]*\))*)\)\)")
_COUNTS_CPUS = pattern(r"\$\(\s*(?:nproc|grep -c|getconf)[^)]*\)|`nproc[^`]*`")
_DEFAULTED = pattern(r"\$\{\w+:?[-=](\d+)\}")
_VARIABLE = pattern(r"\$\{?(\w+)\}?")
_MODELS = pattern(
    rf"(?i)\bpip3?\b[^\n]*[ \t\"'/=]({LIBRARIES})\b"
    rf"|\b(?:FROM|image:)\s+(?:\S*[^\w\s])?({LIBRARIES}|huggingface)(?![a-z])"
    r"|\b(HF_HOME|TRANSFORMERS_\w+|SENTENCE_TRANSFORMERS_HOME|TORCH_HOME|HF_HUB_\w+)\b"
)
_GPU = pattern(r"(?i)\bnvidia\b|\bcuda|\bcu1\d\d\b|\brocm\b|-gpu\b|capabilities:\s*\[?[\s\"'-]*gpu")
_THREADS = pattern(
    rf"{SETS_THREADS}|\b(?:TORCH|VECLIB_MAXIMUM|NUMEXPR)\w*_(?:NUM_)?THREADS\b|\bKMP_AFFINITY\b|\bcpuset\b|--cpuset-cpus"
)

_MOST_DIGITS = 100  # of a number of workers, or the name of the variable that holds it

MANY = -1
"""As many workers as a machine has CPUs, or a multiple."""


@dataclass(frozen=True)
class Launch:
    """A command that starts a server."""

    place: Span
    words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    service: str | None = None
    """The text of the service that it belongs to, where a file has several; None for the whole file."""
    context: str | None = None
    """The folder that the service is built from, where it is said."""

    @property
    def server(self) -> str:
        """The server's name."""
        return next((base for w in self.words if (base := w.rpartition("/")[2]) in SERVERS), "the server")

    @property
    def workers(self) -> int | None:
        """How many workers it starts: a number, MANY, or None where it is not told here."""
        if "--reload" in self.words:
            return 1
        given = _option(self.words) or _option(_split(self.environment.get("GUNICORN_CMD_ARGS", "")))
        text = given or self.environment.get("WEB_CONCURRENCY") or "1"
        return _count(text, self.environment)


@dataclass(frozen=True)
class LaunchFile:
    """A file that starts servers: a Dockerfile, a Procfile, a compose file."""

    text: str
    launches: tuple[Launch, ...]
    neighbours: Neighbours = NOWHERE

    def names_models(self, launch: Launch) -> str | None:
        """Return what shows that a server runs models, in words; None for nothing."""
        found = _found(_MODELS, self._text_of(launch))
        if found:
            return f"the file names {next(g for g in found.groups() if g)}"
        return self._beside(launch).names_library

    def is_for_gpu(self, launch: Launch) -> bool:
        """Return whether a server asks for a GPU."""
        return _found(_GPU, self._text_of(launch)) is not None

    def sets_threads(self, launch: Launch) -> str | None:
        """Return what sets a server's threads: the setting that is named, or the file that does; None for nothing."""
        found = _found(_THREADS, self._text_of(launch))
        return found.group() if found else self._beside(launch).sets_threads

    def _text_of(self, launch: Launch) -> str:
        return self.text if launch.service is None else launch.service

    def _beside(self, launch: Launch) -> Neighbours:
        return self.neighbours if launch.context is None else self.neighbours.within(launch.context)


@lru_cache(maxsize=16)  # asked of one text for each server that it starts
def _found(what: re.Pattern[str], text: str) -> re.Match[str] | None:
    return what.search(text)


def commands(words: list[str]) -> Iterator[tuple[str, ...]]:
    """Yield each command of a shell line that starts a server."""
    part: list[str] = []
    for word in [*words, ";"]:
        if word in _SEPARATORS:
            if any("=" not in w and w.rpartition("/")[2] in SERVERS for w in part):
                yield tuple(part)
            part = []
        else:
            part.append(word)


def shell_words(text: str) -> list[str]:
    """Return the words of a shell command; what counts CPUs is one word."""
    return _split(_counted(text))


def _counted(text: str) -> str:
    """Return a text in which what counts CPUs is `$MANY`; other arithmetic is its number, or an unknown."""

    def result(match: re.Match[str]) -> str:
        inside = match[1].strip()
        return "$MANY" if "nproc" in inside or "$MANY" in inside else inside if inside.isdigit() else "$UNKNOWN"

    return _ARITHMETIC.sub(result, _COUNTS_CPUS.sub("$MANY", text))


def _split(text: str) -> list[str]:
    # A word may end in a separator: `cd /app; gunicorn …`.
    text = re.sub(r"(&&|\|\||[;|])", r" \1 ", text)
    try:
        return shlex.split(text, posix=True)
    except ValueError:  # quotes that do not close
        return text.split()


def _option(words: list[str] | tuple[str, ...]) -> str | None:
    """Return the number of workers that a command line asks for; the last one counts."""
    found = None
    for index, word in enumerate(words):
        if word in ("-w", "--workers") and index + 1 < len(words):
            found = words[index + 1]
        elif word.startswith("--workers="):
            found = word.partition("=")[2]
        elif re.fullmatch(r"(?:-w|--workers)[= ]*(\d+|\$.*)", word):  # `"-w 4"` is one word of many lists
            found = re.sub(r"^(?:-w|--workers)[= ]*", "", word)
    return found


def _count(text: str, environment: Mapping[str, str]) -> int | None:
    text = _counted(text).strip("\"' ")
    if "$MANY" in text:
        return MANY
    if len(text) > _MOST_DIGITS:
        return None
    if text.isdecimal():
        return int(text)
    defaulted = _DEFAULTED.fullmatch(text)
    if defaulted:
        return int(defaulted[1])
    named = _VARIABLE.fullmatch(text)
    value = environment.get(named[1]) if named else None
    if value is not None and named is not None:
        # A variable is looked up once: two that name each other tell nothing.
        return _count(value, {k: v for k, v in environment.items() if k != named[1]})
    return None
