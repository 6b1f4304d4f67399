"""A source file's text, decoded as Python would, or the one line that says why not."""

from __future__ import annotations

import io
import tokenize
from pathlib import Path


class SourceError(Exception):
    """A file cannot be read or parsed; the message is one line."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes. Raises SourceError where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror or error}") from None


def decode(data: bytes) -> str:
    """Return the text of Python source, by its BOM or coding line (PEP 263), UTF-8 otherwise.

    Line ends stay as they are. Raises SourceError for an unknown encoding or bytes that do not fit it.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        return data.decode(encoding)
    except (SyntaxError, LookupError) as error:
        raise SourceError(str(error).splitlines()[0]) from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SourceError(f"not valid {error.encoding}: byte {error.start} cannot be decoded", line) from None
