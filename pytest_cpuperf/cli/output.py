"""The standard streams, which may be closed, and whose readers may leave at any time."""

from __future__ import annotations

import contextlib
import os
import sys

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.results.printable import printable_text


def tell(text: str) -> None:
    """Write a line to standard error, whatever names of others it holds. Where nobody can read it, it is left out."""
    if sys.stderr is not None:  # or print takes standard output
        with contextlib.suppress(OSError):
            print(printable_text(text), file=sys.stderr, flush=True)


def show_line(text: str) -> None:
    """Write a text and a line break to standard output, as `show` does."""
    show(f"{text}\n")


def show(text: str | bytes) -> None:
    """Write to standard output. A reader that leaves early (`head`, `less`) has seen enough, and changes no verdict.

    Raises UsageError where the text cannot be written for another reason, such as a full disk.
    """
    if sys.stdout is None:  # closed by whoever started us
        return
    try:
        if isinstance(text, str):
            sys.stdout.write(text)
        else:
            sys.stdout.buffer.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - Python would complain when it flushes at exit
    except OSError as error:
        sys.stdout = None
        raise UsageError(f"cannot write to standard output: {error.strerror}") from None


def is_terminal() -> bool:
    """Return whether somebody watches standard output."""
    return sys.stdout is not None and sys.stdout.isatty()


def read_input() -> bytes:
    """Return what comes from standard input. Raises UsageError where nothing can be read."""
    if sys.stdin is None:
        raise UsageError("- reads standard input, which is closed", "pipe a source into it, or name a file")
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        raise UsageError(f"standard input cannot be read: {error.strerror}") from None
