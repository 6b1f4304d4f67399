"""Java properties files, as `java.util.Properties.load` reads them, with the place of every entry.

The rules are those of the class's documentation: `=`, `:` or white space between key and value, `#` and `!` comments,
a backslash at the end of a line continues it, and blanks after the value belong to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pytest_cpuperf.static.source.edits import LINE_END
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.source.spans import Span

_ESCAPE = pattern(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_SPECIAL = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
# Keys only TorchServe has: a file is one of its configurations by what it holds, not by its name.
_TORCHSERVE_KEYS = pattern(
    r"(inference|management|metrics|grpc_inference|grpc_management)_(address|port)|cpu_launcher_(enable|args)|model_store"
    r"|load_models|default_workers_per_model|number_of_(gpu|netty_threads)|netty_client_threads|default_response_timeout"
    r"|job_queue_size|enable_envvars_config|install_py_dep_per_model|model_snapshot|models|unregister_model_timeout"
    r"|disable_token_authorization|enable_model_api|ipex_enable|ipex_gpu_enable|allowed_urls"
)
_NEEDED_KEYS = 2


@dataclass(frozen=True)
class Entry:
    """One key and its value."""

    key: str
    value: str
    place: Span


class Properties:
    """The entries of a file; of a key given twice the last counts, as in Java."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.entries = _read(text)
        self._last = {entry.key: entry for entry in self.entries}

    def get(self, key: str) -> Entry | None:
        """Return the entry that counts for a key."""
        return self._last.get(key)

    def value(self, key: str) -> str | None:
        """Return the value of a key without the blanks around it."""
        entry = self._last.get(key)
        return None if entry is None else entry.value.strip()

    def is_true(self, key: str) -> bool:
        """Return whether a key is `true`, in any case, as Java's Boolean.parseBoolean."""
        return (self.value(key) or "").lower() == "true"

    @property
    def is_torchserve(self) -> bool:
        """Whether the keys are TorchServe's: two of its own, or the launcher's."""
        own = [key for key in self._last if _TORCHSERVE_KEYS.fullmatch(key)]
        return len(own) >= _NEEDED_KEYS or any(key.startswith("cpu_launcher_") for key in own)

    @property
    def line_end(self) -> str:
        """How lines end in this file."""
        found = LINE_END.search(self.text)
        return found.group() if found else "\n"

    @property
    def first(self) -> Span:
        """The place of the first entry: where what is missing is told."""
        return self.entries[0].place if self.entries else Span(1, 1, 1, 1)


def _read(text: str) -> list[Entry]:
    entries: list[Entry] = []
    lines = LINE_END.split(text)
    number = 0
    while number < len(lines):
        first = number
        line = lines[number].lstrip(" \t\f")
        number += 1
        if not line or line[0] in "#!":
            continue
        column = len(lines[first]) - len(line) + 1
        while _continues(line) and number < len(lines):
            line = line[:-1] + lines[number].lstrip(" \t\f")
            number += 1
        key, value = _split(line)
        last = lines[number - 1]
        entries.append(Entry(_unescape(key), _unescape(value), Span(first + 1, column, number, len(last) + 1)))
    return entries


def _continues(line: str) -> bool:
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _split(line: str) -> tuple[str, str]:
    escaped = False
    for i, character in enumerate(line):
        if not escaped and character in "=: \t\f":
            rest = line[i:].lstrip(" \t\f")
            if rest[:1] in ("=", ":"):
                rest = rest[1:].lstrip(" \t\f")
            return line[:i], rest
        escaped = character == "\\" and not escaped
    return line, ""


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda m: chr(int(m[1], 16)) if m[1] else _SPECIAL.get(m[2], m[2]), text)
