"""One line on a terminal while a measurement runs: how far it is, what it has so far, how long it may still take."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol, TextIO

from pytest_cpuperf.clock import now
from pytest_cpuperf.results.figures import amount
from pytest_cpuperf.results.verdicts import Estimate

_QUIET_SECONDS = 1.0
_BETWEEN_SECONDS = 0.25


class Captured(Protocol):
    """What is needed of pytest's capture manager."""

    def global_and_fixture_disabled(self) -> AbstractContextManager[Any]:
        """Let through what is written meanwhile."""


class LiveLine:
    """The line below the one pytest writes its dots on. Short measurements show nothing.

    `column` tells how far pytest's own line has come. What is written here goes past pytest's writer, which counts.
    """

    def __init__(self, file: TextIO, width: int, column: Callable[[], int], captured: Captured | None) -> None:
        self._file = file
        self._width = width
        self._column = column
        self._captured = captured
        self._began: float | None = None
        self._shown = 0.0

    def __call__(self, count: int, estimate: Estimate | None, seconds_left: float) -> None:
        """Show how far a measurement is, a few times a second."""
        moment = now()
        if self._began is None:
            self._began = moment
        if moment - self._began < _QUIET_SECONDS or moment - self._shown < _BETWEEN_SECONDS:
            return
        self._shown = moment
        figure = f"{amount(estimate.point)} {estimate.unit}, " if estimate is not None else ""
        self._write(f"  cpuperf: {count} measured, {figure}at most {seconds_left:.0f} s left")

    def clear(self) -> None:
        """Take the line away, and be ready for the next measurement."""
        if self._shown:
            self._write("")
        self._began, self._shown = None, 0.0

    def _write(self, text: str) -> None:
        if self._captured is None:
            self._draw(text)
        else:
            with self._captured.global_and_fixture_disabled():
                self._draw(text)

    def _draw(self, text: str) -> None:
        # Down, empty the line, write, and back up to where pytest's own line goes on.
        self._file.write(f"\n\r\x1b[2K{text[: self._width - 1]}\x1b[1A\x1b[{self._column() + 1}G")
        self._file.flush()
