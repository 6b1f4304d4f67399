"""Two result files: what changed beyond its interval."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from pytest_cpuperf.cli.output import show_line
from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.measure.comparison import compare_runs
from pytest_cpuperf.reports.comparison import comparison_text
from pytest_cpuperf.results.document import read_results
from pytest_cpuperf.results.printable import printable


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("base", type=Path, metavar="BASE", help="a results file (pytest --cpuperf-json)")
    parser.add_argument("head", type=Path, metavar="HEAD", help="another, of the same tests")
    parser.add_argument(
        "--fail-below", type=float, metavar="X", help="exit with 1 where a change is below X beyond its interval: 0.95"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the comparison. Returns 1 where something is plainly below the share asked for."""
    least = arguments.fail_below
    if least is not None and not 0 < least < float("inf"):
        raise UsageError(f"--fail-below takes a number above 0, found {least:g}")
    try:
        base, head = read_results(arguments.base), read_results(arguments.head)
    except FileNotFoundError as error:
        raise UsageError(f"expected a results file, found none: {error.filename}") from None
    comparison = compare_runs(base, head)
    show_line(comparison_text(comparison, shutil.get_terminal_size().columns))
    below = [c for c in comparison.changes if least is not None and c.high < least]
    if below:
        show_line(f"\nbelow {least:g}: " + ", ".join(f"{c.test} {c.label}" for c in printable(below)))
    return 1 if below else 0
