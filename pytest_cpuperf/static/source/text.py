"""A source file's text, decoded as Python would, or the one line that says why not."""

from __future__ import annotations

import codecs
import io
import os
import stat
import tokenize
from pathlib import Path

MOST_BYTES = 256 << 20
"""A larger file is no source: a disk image, a device, or one that never ends."""
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
# What blocks when it is read (a pipe, a file of /proc) fails instead; Windows opens text unless it is told otherwise.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class SourceError(Exception):
    """A file cannot be read or parsed; the message is one line."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class TooDeepError(SourceError):
    """A text is nested more deeply than a parser can take."""


class Words:
    """The bytes of a file, asked which words they hold; each word is looked for once, however many ask."""

    __slots__ = ("_held", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._held: dict[bytes, bool] = {}

    def __contains__(self, word: bytes) -> bool:
        held = self._held.get(word)
        if held is None:
            held = self._held[word] = word in self.data
        return held


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes. Raises SourceError where it cannot be read, is no regular file, or is too large."""
    try:
        status = os.stat(path)  # before it is opened: opening a device may do something
        _refuse(status)
        file = os.open(path, _FLAGS)
        try:
            data = _read(file, status.st_size)
        finally:
            os.close(file)
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > MOST_BYTES:
        raise SourceError(f"expected a file of at most {MOST_BYTES >> 20} MiB, found one that goes on")
    return data


def _read(file: int, expected: int) -> bytes:
    """Return the bytes of an open file, which has as many as expected, or as it turns out; no more than is refused."""
    data = os.read(file, expected + 1)
    if len(data) == expected:
        return data
    pieces, held = [data], len(data)
    while held <= MOST_BYTES and (piece := os.read(file, 1 << 20)):
        pieces.append(piece)
        held += len(piece)
    return b"".join(pieces)


def read_if_any(path: Path) -> bytes:
    """Return the bytes of a file that a check can do without; none where it cannot be read."""
    try:
        return read_bytes(path)
    except SourceError:
        return b""


def _refuse(status: os.stat_result) -> None:
    """Raise SourceError for what is no regular file, or too large."""
    if not stat.S_ISREG(status.st_mode):
        found = next((name for is_kind, name in _KINDS if is_kind(status.st_mode)), "something else")
        raise SourceError(f"expected a regular file, found {found}")
    if status.st_size > MOST_BYTES:
        raise SourceError(f"expected a file of at most {MOST_BYTES >> 20} MiB, found {status.st_size >> 20} MiB")


def printable(name: str) -> str:
    """Return a file's name as text: bytes that are no UTF-8 are shown as `\\xff`."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace")


def decode(data: bytes) -> str:
    """Return the text of Python source, by its BOM or coding line (PEP 263), UTF-8 otherwise.

    Line ends stay as they are. Raises SourceError for an unknown encoding or bytes that do not fit it.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SourceError(f"not valid {error.encoding}: byte {error.start} cannot be decoded", line) from None
    except (SyntaxError, LookupError, ValueError) as error:  # codecs raise what they like
        raise SourceError(first_line(error)) from None
    refuse_nulls(text)
    if not encoding.startswith("utf-8"):  # whose decoder takes none
        refuse_surrogates(text)
    return text


def decode_marked(data: bytes) -> str:
    """Return the text of a file that is no Python, by its byte order mark, else as UTF-8, else as Latin-1.

    Raises SourceError where the bytes are no text.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError as error:
                raise SourceError(f"not valid {encoding}: byte {error.start} cannot be decoded") from None
    if b"\0" in data:
        raise SourceError("expected text, found zero bytes: it is binary, or UTF-16 without a byte order mark")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")  # comments in another encoding do no harm


def refuse_nulls(text: str) -> None:
    """Raise SourceError where a text holds a null character, which Python takes in no source, comments included."""
    at = text.find("\0")
    if at >= 0:
        raise SourceError("not valid Python: it holds a null character", text.count("\n", 0, at) + 1)


def refuse_surrogates(text: str) -> None:
    """Raise SourceError where a text holds half a character, as `\\ud800` in a notebook's JSON: no source may."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise SourceError(f"not valid text: {text[error.start]!r} is half a character", line) from None


def first_line(error: BaseException) -> str:
    """Return what an error says, as one line."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__
